// The parts of a registration: what the device sent, checked, and what goes on to MOSIP.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/api/mosip/request.h"

namespace signet::service {
struct OutboxReply;
}

namespace signet::api::mosip {

// `deviceRegistrationRequest` of MOSIP's device service specification, without what we do not use.
struct RegistrationRequest {
    std::string id{};           // "io.mosip.deviceregister"
    std::string version{};      // "0.9.5"
    std::string metadata{};     // as sent
    std::string device_data{};  // JSON: deviceId, purpose, deviceInfo (JWT), foundationalTrustProviderId
    std::string digital_id{};   // JWT
};
// Reads the nested JWTs and checks their signatures, times, and that they are about the device that sends them. Errors:
// invalid_argument, unprocessable.
Result<RegistrationRequest> read_registration(const DeviceRequest& request, SystemTime now,
                                              std::chrono::milliseconds window);

// The text MOSIP gives: {"id","version","responsetime","response":"<JWT>","error":[]}.
std::string registration_response(const RegistrationRequest& request, std::string_view jwt, SystemTime now);
// The text MOSIP takes, with the device provider's signature.
std::string registration_message(const RegistrationRequest& request, std::string_view device_data_jwt,
                                 SystemTime now);

// What MOSIP answered to a forwarded registration: the device code of a success; the Error says why there is none.
Result<std::string> device_code_in(const service::OutboxReply& reply);

inline constexpr std::string_view kOutboxKind = "mosip.register";

}  // namespace signet::api::mosip
