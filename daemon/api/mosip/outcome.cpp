#include "daemon/api/mosip/outcome.h"

#include <array>
#include <span>

namespace signet::api::mosip {
namespace {

std::span<const std::string_view> members_of(Operation operation) {
    static constexpr auto kSnapshot = std::to_array<std::string_view>(
        {"serverTimeStamp", "isWhiteListed", "isDeviceValid", "isDeviceRegistered",
         "deviceServiceUpdateRequired", "deviceServiceDownloadURL", "mandatoryKeyRotation",
         "keyExpiryTimeStamp", "encryptionCertThumbprint", "snapshotValidity", "bannerMessage"});
    static constexpr auto kEncryption = std::to_array<std::string_view>({"encryptionCertData"});
    static constexpr auto kRotation =
        std::to_array<std::string_view>({"signedDeviceCertificate", "keyExpiryTimeStamp"});
    static constexpr auto kRegistration = std::to_array<std::string_view>({"deviceRegistrationResponse"});
    switch (operation) {
        case Operation::snapshot:
            return kSnapshot;
        case Operation::encryption_certificate:
            return kEncryption;
        case Operation::key_rotation:
            return kRotation;
        case Operation::registration:
            break;
    }
    return kRegistration;
}

}  // namespace

Outcome refused(const DeviceRequest& request, std::string_view code, std::string description) {
    Outcome outcome;
    outcome.code = code;
    outcome.description = std::move(description);
    outcome.device_code = request.device_code;
    return outcome;
}

std::string why_not_listed(const DeviceRequest& request) {
    if (!request.device || !request.device->white_listed) return "the device is not on the white list";
    return {};
}

std::string why_not_valid(const DeviceRequest& request, SystemTime now) {
    const auto& device = *request.device;
    if (device.blocked) return "the device is blocked";
    if (device.valid_until && now >= *device.valid_until) return "the validity of the device has ended";
    if (!same_word(device.model, request.model)) return "the modelID is not the one on the white list";
    if (!same_word(device.purpose, request.purpose))
        return "the devicePurpose is not the one on the white list";
    if (!same_word(device.bio_type, request.bio_type)) return "the bioType is not the one on the white list";
    return {};
}

std::optional<Outcome> refuse_device(Context& context, const DeviceRequest& request) {
    auto why = why_not_listed(request);
    if (why.empty()) why = why_not_valid(request, context.services.clock.now());
    if (!why.empty()) return refused(request, code::kDevice, std::move(why));
    if (!request.device_code.empty() && request.device->device_code != request.device_code)
        return refused(request, code::kDeviceCode, "the deviceCodeUUID is not the device's");
    return std::nullopt;
}

std::string answer_payload(const DeviceRequest& request, const Outcome& outcome) {
    JsonWriter json(2048);
    json.begin_object();
    json.member("uniqueTransactionId", request.transaction_id);
    json.member("timeStamp", request.timestamp);
    json.member("serialNumber", request.serial_number);
    // The document leaves it out of the answer to a registration: the response inside carries it.
    if (request.operation != Operation::registration) json.member("deviceCodeUUID", outcome.device_code);
    json.member("modelID", request.model);
    json.member("deviceProviderId", request.provider_id);
    json.member("bioType", request.bio_type);
    json.member("certificationLevel", request.certification_level);
    json.member("devicePurpose", request.purpose);
    json.member("env", request.env);
    if (outcome.members) {
        outcome.members(json);
    } else {
        for (const auto name : members_of(request.operation))
            json.member(name, "");
    }
    json.member("responseCode", outcome.code);
    json.member("description", outcome.description);
    json.end_object();
    return json.take();
}

}  // namespace signet::api::mosip
