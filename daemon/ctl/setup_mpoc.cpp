#include "daemon/ctl/family_setup.h"

namespace signet::ctl {

FamilySetup mpoc_setup() {
    FamilySetup setup;
    setup.name = "mpoc";
    setup.summary = "MPoC AMS API: certificates and state of SDK instances for payment hosts";
    setup.keys = {
        {"mpoc.ca", KeyAlgorithm::rsa_4096, KeyUsage::certify},
        {"mpoc.api", KeyAlgorithm::hmac_256, KeyUsage::mac},
    };
    setup.authorities = {{"mpoc.ca", "RSA_MPOC_SDK_CA_CERT"}};
    setup.authorities_text =
        R"(  mpoc.ca:                                  # certifies MPoC SDK instances; subjects are CN=<sdkId>
    certificate: ca/mpoc.ca.pem
    profiles:
      kek:                                  # wraps payment keys to an instance
        validity: 1095d
        key_types: [rsa-2048, rsa-3072, rsa-4096]
        subject: [CN]
        key_usage: [keyEncipherment]
      sign:
        validity: 1095d
        key_types: [rsa-2048, rsa-3072, rsa-4096]
        subject: [CN]
        key_usage: [digitalSignature]
    crl: { validity: 7d, interval: 1d, alarm: 2d, file: ca/mpoc.crl }
)";
    setup.daemon_text = R"(
mpoc:                                       # the MPoC AMS API: docs/mpoc-protocol.md
  ca: mpoc.ca
  profiles: { kek: kek, sign: sign }
  api_keys: mpoc.api                        # the MAC key under which customers' API keys are kept
  key_type: rsa-3072                        # of key pairs made in the token
  attestations: 400d
)";
    setup.policy_text = R"(
#  - name: payment-hosts                    # they show API keys of their own: for a TLS listener with `anonymous: true`,
#    allow: public                          # `permits: [mpoc.info, mpoc.security]` and client_certificate: none
#    permissions: [mpoc.info, mpoc.security]
#  - name: attestation-service
#    allow: attestation
#    permissions: [mpoc.attest]
)";
    return setup;
}

}  // namespace signet::ctl
