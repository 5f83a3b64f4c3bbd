#include "daemon/ctl/setup_paycontrol.h"

namespace signet::ctl {

FamilySetup paycontrol_setup() {
    return {
        .name = "paycontrol",
        .summary = "PayControl PC Server: systems, users, transactions, devices",
        .keys = {{"paycontrol.seller", KeyAlgorithm::ec_p256, KeyUsage::sign},
                 {"paycontrol.callbacks", KeyAlgorithm::ec_p256, KeyUsage::sign}},
        .daemon_text = R"(paycontrol:                                 # PC Server, below /pc-api
  seller_key: paycontrol.seller             # whose signature registers systems and licenses users
  callback_key: paycontrol.callbacks        # signs callbacks (JWS, detached)
  key_lifetime: 365                         # days; each system may say otherwise
  clear_keys: false                         # FULL_QR and DEEP_LINK; token.yaml needs reveal_secrets: true as well
  attempts: 5                               # wrong codes and passwords before it ends
  # clean_confirmed: true                   # wipe a transaction's data once it is confirmed
)",
        .policy_text =
            R"(#  - name: bank-application               # an application that confirms by PayControl
#    allow: payments
#    permissions: [paycontrol.users.*, paycontrol.transactions.*, paycontrol.operations.*, paycontrol.codes.*, paycontrol.events.*]
#    keys: ["*"]                            # ids of systems
#
#  - name: devices                          # on a TLS listener with anonymous: true and permits: [paycontrol.device]
#    allow: public
#    permissions: [paycontrol.device]
)",
    };
}

}  // namespace signet::ctl
