#include "daemon/api/mosip/request.h"

#include <algorithm>
#include <array>

#include "daemon/http/message.h"
#include "sqlite/read_pool.h"

namespace signet::api::mosip {
namespace {

constexpr std::size_t kMaxText = 256;

struct Name {
    Operation operation;
    std::string_view name;
};
constexpr std::array kNames{Name{Operation::snapshot, "msbDeviceSnapshot"},
                            Name{Operation::encryption_certificate, "msbEncryptionCert"},
                            Name{Operation::key_rotation, "msbKeyRotation"},
                            Name{Operation::registration, "msbDeviceRegistration"}};

struct Member {
    std::string_view name;
    std::string DeviceRequest::* to;
    bool required;
};
constexpr std::array kMembers{Member{"uniqueTransactionId", &DeviceRequest::transaction_id, true},
                              Member{"timeStamp", &DeviceRequest::timestamp, true},
                              Member{"serialNumber", &DeviceRequest::serial_number, true},
                              Member{"deviceCodeUUID", &DeviceRequest::device_code, false},
                              Member{"modelID", &DeviceRequest::model, true},
                              Member{"deviceProviderId", &DeviceRequest::provider_id, true},
                              Member{"bioType", &DeviceRequest::bio_type, true},
                              Member{"certificationLevel", &DeviceRequest::certification_level, true},
                              Member{"devicePurpose", &DeviceRequest::purpose, true},
                              Member{"env", &DeviceRequest::env, true},
                              Member{"deviceServiceVersion", &DeviceRequest::service_version, false},
                              Member{"specVersion", &DeviceRequest::spec_version, false},
                              Member{"hostos", &DeviceRequest::host_os, false}};

Status one_of(std::string_view member, std::string_view value,
              std::initializer_list<std::string_view> words) {
    if (std::ranges::any_of(words, [&](std::string_view word) { return same_word(word, value); })) return {};
    std::string known;
    for (const auto word : words)
        known += (known.empty() ? "" : ", ") + std::string(word);
    return fail(ErrorCode::unprocessable, std::string(member) + ": expected one of " + known);
}

// The vendor by the provider id of the payload, its anchors, and the device with its own certificate.
Status look_up(Context& context, DeviceRequest& request) {
    const auto now = context.services.clock.now();
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(auto vendor, sqlite::mosip_vendor_store::find(*db, request.provider_id));
    // One text: who may not ask learns nothing of whom we know.
    if (!vendor || vendor->disabled)
        return fail(ErrorCode::unprocessable, "the deviceProviderId is not registered");
    request.vendor = *std::move(vendor);
    SIGNET_ASSIGN(const auto anchors, sqlite::mosip_vendor_store::anchors(*db, request.vendor.id));
    request.trust.anchors = certificates_of(anchors);
    SIGNET_ASSIGN(request.device,
                  sqlite::mosip_device_store::find(*db, request.vendor.id, request.serial_number));
    if (request.device && !request.device->certificate.empty() && request.device->expires > now) {
        if (auto own = pki::Certificate::parse(as_text(request.device->certificate)))
            request.trust.device = *std::move(own);
    }
    return {};
}

}  // namespace

std::string_view to_string(Operation operation) {
    return std::ranges::find(kNames, operation, &Name::operation)->name;
}

std::optional<Operation> operation_from(std::string_view name) {
    const auto* const found = std::ranges::find(kNames, name, &Name::name);
    if (found == kNames.end()) return std::nullopt;
    return found->operation;
}

bool same_word(std::string_view a, std::string_view b) {
    return http::equal_ignoring_case(a, b);
}

Result<DeviceRequest> parse_payload(Operation operation, JsonObject payload) {
    DeviceRequest request{.operation = operation, .payload = std::move(payload)};
    for (const auto& member : kMembers) {
        SIGNET_ASSIGN(const auto value, request.payload.optional_text(member.name, kMaxText));
        if (member.required && (!value || value->empty()))
            return fail(ErrorCode::invalid_argument, std::string(member.name) + ": expected a text");
        if (value) request.*member.to = *value;
    }
    return request;
}

Result<std::pair<Operation, std::string>> parse_body(std::string_view body) {
    SIGNET_ASSIGN(const auto object, JsonObject::parse(body));
    const auto names = object.names();
    const auto operation = names.size() == 1 ? operation_from(names.front()) : std::nullopt;
    if (!operation)
        return fail(ErrorCode::invalid_argument,
                    "expected exactly one member: msbDeviceSnapshot, msbEncryptionCert, msbKeyRotation or "
                    "msbDeviceRegistration");
    SIGNET_ASSIGN(const auto jws, object.text(names.front(), pki::kMaxJwsPayload));
    return std::pair{*operation, std::string(jws)};
}

Result<DeviceRequest> read_request(Context& context, std::string_view body) {
    SIGNET_ASSIGN(const auto parts, parse_body(body));
    const auto& [operation, compact] = parts;
    const auto now = context.services.clock.now();
    if (operation == Operation::key_rotation && std::ranges::count(compact, '.') == 1) {
        SIGNET_ASSIGN(const auto two, read_two_part(compact));
        SIGNET_ASSIGN(auto payload, JsonObject::parse(as_text(two.payload)));
        SIGNET_ASSIGN(auto request, parse_payload(operation, std::move(payload)));
        SIGNET_TRY(look_up(context, request));
        SIGNET_TRY(check_two_part(two, request.trust, now));
        return request;
    }
    SIGNET_ASSIGN(const auto jws, read_jws(compact));
    SIGNET_ASSIGN(auto payload, JsonObject::parse(as_text(jws.payload)));
    SIGNET_ASSIGN(auto request, parse_payload(operation, std::move(payload)));
    SIGNET_TRY(look_up(context, request));
    // The envelope is the vendor's; the device's own key signs what is nested in a registration.
    SIGNET_TRY(check_jws(jws, {request.trust.anchors, std::nullopt}, now));
    return request;
}

Status check_request(Context& context, const DeviceRequest& request) {
    const auto material = context.material();
    const auto& settings = material->settings;
    const auto now = context.services.clock.now();
    const auto time = from_rfc3339(request.timestamp);
    if (!time)
        return fail(ErrorCode::unprocessable,
                    "timeStamp: expected an ISO time with its zone, such as 2026-01-31T09:30:00.000Z");
    if (*time > now + settings.clock_window || *time < now - settings.clock_window)
        return fail(ErrorCode::unprocessable, "timeStamp: differs from the server's time by more than " +
                                                  std::to_string(settings.clock_window.count() / 1000) +
                                                  " seconds; the server's is " + to_rfc3339(now));
    if (request.env != settings.env)
        return fail(ErrorCode::unprocessable, "env: this server is for " + settings.env);
    SIGNET_TRY(one_of("bioType", request.bio_type, {"Finger", "Iris", "Face"}));
    SIGNET_TRY(one_of("certificationLevel", request.certification_level, {"L0", "LO", "L1", "L2"}));
    SIGNET_TRY(one_of("devicePurpose", request.purpose, {"Auth", "Registration"}));
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const bool seen,
                  sqlite::mosip_device_store::seen(
                      *db, sqlite::mosip_device_store::transaction_digest(
                               request.provider_id, request.serial_number, request.transaction_id)));
    if (seen) return fail(ErrorCode::unprocessable, "uniqueTransactionId: was used already");
    return {};
}

}  // namespace signet::api::mosip
