#include "daemon/ctl/family_setup.h"

namespace signet::ctl {

FamilySetup mosip_setup() {
    FamilySetup setup;
    setup.name = "mosip";
    setup.summary = "MOSIP management server: registration, keys and time of biometric devices";
    setup.keys = {
        {"mosip.mms", KeyAlgorithm::rsa_2048, KeyUsage::sign},
        {"mosip.provider", KeyAlgorithm::rsa_2048, KeyUsage::sign},
        {"mosip.device-ca", KeyAlgorithm::rsa_3072, KeyUsage::certify},
    };
    setup.authorities = {{"mosip.device-ca", "Signet MOSIP device CA"}};
    setup.certificates = {
        {"mosip.mms", "mosip.device-ca", "MOSIP management server", "ca/mosip.mms.pem"},
        {"mosip.provider", "mosip.device-ca", "MOSIP device provider", "ca/mosip.provider.pem"},
    };
    setup.authorities_text =
        R"(  mosip.device-ca:                          # certifies the keys of biometric devices
    certificate: ca/mosip.device-ca.pem
    profiles:
      device:
        validity: 90d                       # what the policy of the management server may ask for at most
        key_types: [rsa-2048]
        subject: [C, ST, L, O, OU, CN]      # of the device's request; CN begins with the serial number
        required_subject: [CN]
        key_usage: [digitalSignature]
    crl: { validity: 7d, interval: 1d, alarm: 2d, file: ca/mosip.device.crl }
)";
    setup.daemon_text = R"(
mosip:                                      # the management server: docs/mosip-protocol.md
  env: Staging                              # Staging, Developer, Pre-Production or Production
  mms: { key: mosip.mms, certificate: ca/mosip.mms.pem }          # signs all answers
  ca: mosip.device-ca
  profile: device
  clock_window: 15m                         # how far a device's time may be off
  registration:
    mode: local                             # or forward, with url and outbound.mosip: MOSIP answers
    provider: { key: mosip.provider, certificate: ca/mosip.provider.pem }
)";
    setup.policy_text = R"(
#  - name: devices                          # their requests are signed by their vendors: for a TLS listener with
#    allow: public                          # `anonymous: true`, `permits: [mosip.device]` and client_certificate: none
#    permissions: [mosip.device]
)";
    return setup;
}

}  // namespace signet::ctl
