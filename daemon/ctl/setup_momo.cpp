// signetctl init --with momo.
#include "daemon/ctl/family_setup.h"

namespace signet::ctl {

FamilySetup momo_setup() {
    return {
        .name = "momo",
        .summary = "MTN MoMo: API users, API keys and access tokens",
        .keys = {{"momo.token", KeyAlgorithm::ec_p256, KeyUsage::sign},
                 {"momo.mac", KeyAlgorithm::hmac_256, KeyUsage::mac}},
        .daemon_text = R"(momo:
  sandbox: true                             # anyone with a subscription key makes API users; false: only its merchant
  # target_environment: mtnuganda           # needed when this is no sandbox
  issuer: signet                            # `iss` of access tokens
  keys: { token: momo.token, mac: momo.mac }
  token_lifetime: 1h
  balance: { available: "1000", currency: EUR }   # the stub of account/balance
  failures: { per_caller: 60, per_account: 20 }   # wrong credentials a minute
)",
        .policy_text =
            R"(  - name: momo                              # merchants' systems, on a listener with `anonymous: true` and TLS
    allow: public
    permissions: [momo.provision, momo.token, momo.balance, momo.jwks]
    rate: 500/1s
)"};
}

}  // namespace signet::ctl
