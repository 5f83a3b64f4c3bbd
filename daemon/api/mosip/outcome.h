// What an operation decided: the code and members of its answer, and what becomes durable with it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/api/json.h"
#include "daemon/api/mosip/request.h"
#include "daemon/service/caller.h"
#include "daemon/service/details.h"
#include "sqlite/writer.h"

namespace signet::api::mosip {

// The document's response codes.
namespace code {
inline constexpr std::string_view kSuccess = "0";
inline constexpr std::string_view kDeviceCode = "-101";
inline constexpr std::string_view kDevice = "-102";
inline constexpr std::string_view kRegistration = "-103";
inline constexpr std::string_view kNoEncryption = "-104";
inline constexpr std::string_view kSigning = "-105";
inline constexpr std::string_view kNoAnswer = "-1001";
}  // namespace code

struct Outcome {
    std::string_view code = code::kSuccess;
    std::string description = "Success";
    std::string device_code{};  // deviceCodeUUID of the answer
    // The operation's own members, between `env` and `responseCode`. Empty: all of them as empty texts.
    std::function<void(JsonWriter&)> members{};
    // In the transaction of the audit record, after the transaction id was noted.
    std::function<Status(sqlite::Transaction&)> effect{};
    std::function<void()> afterwards{};  // once that is durable
    service::Details details{};          // for the audit record
};
Outcome refused(const DeviceRequest& request, std::string_view code, std::string description);

// Why the white list does not let the device through; empty when it does.
std::string why_not_listed(const DeviceRequest& request);
std::string why_not_valid(const DeviceRequest& request, SystemTime now);
// -102 or -101, as far as every operation demands it; nullopt when all is well.
std::optional<Outcome> refuse_device(Context& context, const DeviceRequest& request);

// The operations. Errors: nothing can be said (the token, the database).
Result<Outcome> snapshot(Context& context, const service::Caller& caller, const DeviceRequest& request);
Result<Outcome> encryption_certificate(Context& context, const service::Caller& caller,
                                       const DeviceRequest& request);
Result<Outcome> key_rotation(Context& context, const service::Caller& caller, const DeviceRequest& request);
Result<Outcome> registration(Context& context, const service::Caller& caller, const DeviceRequest& request);

// The answer's payload, members in the document's order.
std::string answer_payload(const DeviceRequest& request, const Outcome& outcome);

}  // namespace signet::api::mosip
