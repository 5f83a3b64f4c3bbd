// msbDeviceSnapshot and msbEncryptionCert.
#include "base/encoding.h"
#include "daemon/api/mosip/outcome.h"
#include "daemon/api/mosip/version.h"
#include "sqlite/mosip_settings_store.h"
#include "sqlite/read_pool.h"

namespace signet::api::mosip {
namespace {

std::string_view truth(bool value) {
    return value ? "true" : "false";
}

bool must_rotate(const sqlite::MosipDevice& device, const sqlite::MosipPolicy& policy, SystemTime now) {
    if (device.certificate.empty() || device.must_rotate || !device.issued || !device.expires) return true;
    if (now >= *device.expires || now >= *device.issued + policy.rotate_after) return true;
    return policy.rotate_issued_before && *device.issued < *policy.rotate_issued_before;
}

struct Settings {
    sqlite::MosipPolicy policy;
    std::optional<sqlite::MosipEncryptionCertificate> encryption;
};

Result<Settings> settings_of(Context& context) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    Settings out;
    SIGNET_ASSIGN(out.policy, sqlite::mosip_settings_store::policy(*db));
    SIGNET_ASSIGN(out.encryption, sqlite::mosip_settings_store::encryption_certificate(*db));
    return out;
}

}  // namespace

Result<Outcome> snapshot(Context& context, const service::Caller&, const DeviceRequest& request) {
    const auto now = context.services.clock.now();
    SIGNET_ASSIGN(const auto settings, settings_of(context));
    const auto& policy = settings.policy;
    const auto not_listed = why_not_listed(request);
    const auto not_valid = not_listed.empty() ? why_not_valid(request, now) : not_listed;
    const auto refusal = refuse_device(context, request);

    Outcome outcome;
    if (refusal) {
        outcome.code = refusal->code;
        outcome.description = refusal->description;
    }
    const auto* device = request.device ? &*request.device : nullptr;
    const bool registered = device != nullptr && device->registered.has_value() && !refusal;
    outcome.device_code = registered ? device->device_code.value_or("") : "";
    if (refusal) outcome.device_code = request.device_code;
    const bool update =
        !policy.minimum_version.empty() && is_older(request.service_version, policy.minimum_version);
    const bool rotate = !refusal && must_rotate(*device, policy, now);
    const auto expires = device != nullptr && device->expires ? to_rfc3339(*device->expires) : std::string();
    // As a device compares it: unpadded base64url of SHA-256 over the certificate.
    const auto thumbprint =
        settings.encryption ? to_base64url(settings.encryption->fingerprint) : std::string();
    outcome.members = [=, listed = not_listed.empty(), valid = not_valid.empty()](JsonWriter& json) {
        json.member("serverTimeStamp", to_rfc3339(now));
        json.member("isWhiteListed", truth(listed));
        json.member("isDeviceValid", truth(valid));
        json.member("isDeviceRegistered", truth(registered));
        json.member("deviceServiceUpdateRequired", truth(update));
        json.member("deviceServiceDownloadURL", policy.download_url);
        json.member("mandatoryKeyRotation", truth(rotate));
        json.member("keyExpiryTimeStamp", expires);
        json.member("encryptionCertThumbprint", thumbprint);
        json.member("snapshotValidity", to_rfc3339(now + policy.snapshot_validity));
        json.member("bannerMessage", policy.banner);
    };
    if (!refusal) {
        outcome.effect = [id = device->id, now,
                          version = request.service_version](sqlite::Transaction& transaction) {
            return sqlite::mosip_device_store::note_sync(transaction, id, now, version);
        };
        outcome.details.add("registered", truth(registered)).add("rotate", truth(rotate));
    }
    return outcome;
}

Result<Outcome> encryption_certificate(Context& context, const service::Caller&,
                                       const DeviceRequest& request) {
    if (auto refusal = refuse_device(context, request)) return *std::move(refusal);
    if (same_word(request.purpose, "Registration"))
        return refused(request, code::kNoEncryption, "a registration device needs no encryption certificate");
    SIGNET_ASSIGN(const auto settings, settings_of(context));
    if (!settings.encryption)
        return refused(request, code::kNoAnswer, "no encryption certificate is set on this server");
    Outcome outcome;
    outcome.device_code = request.device->registered ? request.device->device_code.value_or("") : "";
    outcome.members = [der = settings.encryption->der](JsonWriter& json) {
        json.member_base64("encryptionCertData", der);
    };
    outcome.details.add("certificate", to_hex(settings.encryption->fingerprint));
    return outcome;
}

}  // namespace signet::api::mosip
