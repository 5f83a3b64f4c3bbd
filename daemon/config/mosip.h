// The section `mosip` of signetd.yaml: the management server of secure biometric devices. What administrators change while
// it runs (intervals, versions, the banner) is in the database instead: `signetctl mosip policy`.
//
//   mosip:
//     env: Staging                 # Staging, Developer, Pre-Production or Production; requests must name it
//     mms: { key: mosip.mms, certificate: ca/mosip.mms.pem }     # signs all answers; RSA; PEM: its certificate, then its chain
//     ca: mosip.device-ca          # label of the CA that certifies device keys
//     profile: device              # of that CA
//     clock_window: 15m            # how far a device's time may be off
//     registration:
//       mode: local                # a registration is answered here; or `forward`: MOSIP answers it
//       provider: { key: mosip.provider, certificate: ca/mosip.provider.pem }   # the device provider's signature
//       url: https://mosip.example/v1/partnermanager/devices   # with forward; reached as outbound.mosip says
//       wait: 6s                   # with forward: how long a device is kept waiting for MOSIP's answer
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace signet::config {

// A signing key of the token with its certificate chain.
struct Signer {
    std::string key;
    std::filesystem::path certificate;
};

struct Mosip {
    std::string env;
    Signer mms{"mosip.mms", {}};
    std::string ca = "mosip.device-ca";
    std::string profile = "device";
    std::chrono::milliseconds clock_window = std::chrono::minutes{15};
    bool forward = false;
    Signer provider{"mosip.provider", {}};
    std::string url;  // empty unless `forward`
    std::chrono::milliseconds wait{6'000};
};

}  // namespace signet::config
