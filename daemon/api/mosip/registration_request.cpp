#include <algorithm>

#include "base/encoding.h"
#include "daemon/api/mosip/registration.h"
#include "daemon/service/outbox.h"

namespace signet::api::mosip {
namespace {

constexpr std::size_t kMaxJwt = std::size_t{64} << 10;

Result<JsonObject> verified(std::string_view what, std::string_view jwt, const Trust& trust, SystemTime now) {
    const auto named = [&](Error error) {
        error.message = std::string(what) + ": " + error.message;
        return std::unexpected(std::move(error));
    };
    const auto jws = verify_jws(jwt, trust, now);
    if (!jws) return named(jws.error());
    auto payload = JsonObject::parse(as_text(jws->payload));
    if (!payload) return named(std::move(payload).error());
    return payload;
}

Status check_recent(std::string_view member, std::string_view text, SystemTime now,
                    std::chrono::milliseconds window) {
    const auto time = from_rfc3339(text);
    if (!time || *time > now + window || *time < now - window)
        return fail(ErrorCode::unprocessable,
                    std::string(member) + ": expected the present time, within the server's window");
    return {};
}

Status check_digital_id(const JsonObject& id, const DeviceRequest& request, SystemTime now,
                        std::chrono::milliseconds window) {
    SIGNET_ASSIGN(const auto serial, id.text("serialNo", 256));
    SIGNET_ASSIGN(const auto model, id.text("model", 256));
    SIGNET_ASSIGN(const auto type, id.text("type", 64));
    SIGNET_ASSIGN(const auto provider, id.text("deviceProviderId", 256));
    SIGNET_TRY(id.text("make", 256));
    SIGNET_ASSIGN(const auto time, id.text("dateTime", 64));
    if (serial != request.serial_number || provider != request.provider_id ||
        !same_word(model, request.model) || !same_word(type, request.bio_type))
        return fail(ErrorCode::unprocessable, "digitalId: is not about the device that sends it");
    return check_recent("digitalId.dateTime", time, now, window);
}

// deviceData stands there as a JWT by the device, or as the object that the device provider is to sign.
Result<JsonObject> device_data_of(const JsonObject& request, const Trust& trust, SystemTime now,
                                  std::string& text) {
    SIGNET_ASSIGN(const auto outer, request.object("request"));
    if (const auto object = outer.optional_object("deviceData"); object && *object) {
        SIGNET_ASSIGN(text, outer.serialized("deviceData"));
        return **object;
    }
    SIGNET_ASSIGN(const auto jwt, outer.text("deviceData", kMaxJwt));
    SIGNET_ASSIGN(auto data, verified("deviceData", jwt, trust, now));
    SIGNET_ASSIGN(const auto jws, read_jws(jwt));
    text = as_text(jws.payload);
    return data;
}

}  // namespace

Result<RegistrationRequest> read_registration(const DeviceRequest& request, SystemTime now,
                                              std::chrono::milliseconds window) {
    RegistrationRequest out;
    SIGNET_ASSIGN(const auto text, request.payload.text("deviceRegistrationRequest", kMaxJwt));
    const auto object = JsonObject::parse(text);
    if (!object)
        return fail(ErrorCode::invalid_argument, "deviceRegistrationRequest: " + object.error().message);
    SIGNET_ASSIGN(const auto id, object->optional_text("id", 128));
    SIGNET_ASSIGN(const auto version, object->optional_text("version", 32));
    SIGNET_ASSIGN(const auto metadata, object->optional_text("metadata", 1024));
    out.id = id.value_or("io.mosip.deviceregister");
    out.version = version.value_or("0.9.5");
    out.metadata = metadata.value_or("");
    SIGNET_ASSIGN(const auto data, device_data_of(*object, request.trust, now, out.device_data));
    SIGNET_ASSIGN(const auto purpose, data.optional_text("purpose", 64));
    if (purpose && !same_word(*purpose, request.purpose))
        return fail(ErrorCode::unprocessable, "deviceData: its purpose is not the device's");
    SIGNET_ASSIGN(const auto info_jwt, data.text("deviceInfo", kMaxJwt));
    SIGNET_ASSIGN(const auto info, verified("deviceInfo", info_jwt, request.trust, now));
    SIGNET_ASSIGN(const auto expiry, info.optional_text("deviceExpiry", 64));
    if (expiry && !expiry->empty()) {
        const auto until = from_rfc3339(*expiry);
        if (!until || *until <= now)
            return fail(ErrorCode::unprocessable, "deviceInfo: deviceExpiry is no time in the future");
    }
    SIGNET_ASSIGN(const auto stamp, info.text(info.has("timeStamp") ? "timeStamp" : "timestamp", 64));
    SIGNET_TRY(check_recent("deviceInfo.timeStamp", stamp, now, window));
    SIGNET_ASSIGN(const auto digital_id, info.text("digitalId", kMaxJwt));
    SIGNET_ASSIGN(const auto id_payload, verified("digitalId", digital_id, request.trust, now));
    SIGNET_TRY(check_digital_id(id_payload, request, now, window));
    out.digital_id = digital_id;
    return out;
}

std::string registration_response(const RegistrationRequest& request, std::string_view jwt, SystemTime now) {
    JsonWriter json(jwt.size() + 256);
    json.begin_object();
    json.member("id", request.id);
    json.member("version", request.version);
    json.member("responsetime", to_rfc3339(now));
    json.member("response", jwt);
    json.member_raw("error", "[]");
    json.end_object();
    return json.take();
}

std::string registration_message(const RegistrationRequest& request, std::string_view device_data_jwt,
                                 SystemTime now) {
    JsonWriter json(device_data_jwt.size() + 256);
    json.begin_object();
    json.member("id", request.id);
    json.member("metadata", request.metadata);
    json.member("version", request.version);
    json.member("requesttime", to_rfc3339(now));
    json.key("request");
    json.begin_object();
    json.member("deviceData", device_data_jwt);
    json.end_object();
    json.end_object();
    return json.take();
}

Result<std::string> device_code_in(const service::OutboxReply& reply) {
    const auto answer = JsonObject::parse(reply.body);
    if (reply.status != 200 || !answer)
        return fail(ErrorCode::unprocessable,
                    "MOSIP refused the registration with HTTP " + std::to_string(reply.status));
    for (const auto* name : {"error", "errors"}) {
        const auto errors = answer->objects(name, 32);
        if (!errors || errors->empty()) continue;
        const auto message = errors->front().optional_text("message", 1024);
        return fail(ErrorCode::unprocessable,
                    "MOSIP refused the registration: " +
                        std::string(message && *message ? **message : "it gave no reason"));
    }
    const auto malformed = fail(ErrorCode::unprocessable, "MOSIP's answer holds no registration");
    const auto jwt = answer->text("response", kMaxJwt);
    if (!jwt) return malformed;
    // TLS says that it is MOSIP; the JWT's signature is for the device to check.
    const auto first = jwt->find('.');
    const auto second = first == std::string_view::npos ? first : jwt->find('.', first + 1);
    if (second == std::string_view::npos) return malformed;
    const auto payload = from_base64url(jwt->substr(first + 1, second - first - 1));
    if (!payload) return malformed;
    const auto object = JsonObject::parse(as_text(*payload));
    if (!object) return malformed;
    const auto device_code = object->text("deviceCode", 64);
    const auto status = object->text("status", 64);
    if (!device_code || device_code->empty() || !status || !same_word(*status, "Registered"))
        return malformed;
    return std::string(*device_code);
}

}  // namespace signet::api::mosip
