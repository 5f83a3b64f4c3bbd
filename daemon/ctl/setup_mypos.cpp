// signetctl init --with mypos.
#include "daemon/ctl/family_setup.h"

namespace signet::ctl {

FamilySetup mypos_setup() {
    return {
        .name = "mypos",
        .summary = "myPOS: stores, their key pairs and signatures",
        .keys = {{"mypos.ca", KeyAlgorithm::rsa_2048, KeyUsage::certify}},
        .authorities = {{"mypos.ca", "Signet myPOS CA"}},
        .authorities_text =
            R"(  mypos.ca:                                 # certifies the appliance's keys of each store
    certificate: ca/mypos.ca.pem
    profiles:
      store:
        validity: 3650d
        key_types: [rsa-2048]
        subject: [CN]
        key_usage: [digitalSignature]
    crl: { validity: 7d, interval: 1d, alarm: 2d, file: ca/mypos.crl }
)",
        .daemon_text = R"(mypos:
  ca: mypos.ca
  profile: store
  longer_keys: false                        # also merchants' keys over 2048 bits
  failures: { per_caller: 60, per_store: 60 }   # wrong signatures a minute
)",
        .policy_text =
            R"(  - name: mypos                             # merchants' SDKs, on a listener with `anonymous: true` and TLS
    allow: public
    permissions: [mypos.checkout]
    rate: 100/1s
)"};
}

}  // namespace signet::ctl
