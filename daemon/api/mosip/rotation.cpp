// msbKeyRotation: a certificate of mosip.device-ca for a new key of the device.
#include <algorithm>

#include "base/encoding.h"
#include "daemon/api/mosip/outcome.h"
#include "daemon/service/authorities.h"
#include "hsm/pki/csr.h"
#include "sqlite/mosip_settings_store.h"
#include "sqlite/read_pool.h"

namespace signet::api::mosip {
namespace {

Result<pki::CertificateRequest> read_csr(const DeviceRequest& request) {
    SIGNET_ASSIGN(const auto text, request.payload.text("csrData", pki::kMaxCsrSize));
    SIGNET_ASSIGN(auto csr, pki::parse_csr(text));
    if (csr.public_key.type() != pki::KeyType::rsa || csr.public_key.bits() != 2048)
        return fail(ErrorCode::unprocessable,
                    "csrData: expected an RSA key of 2048 bits, not " + csr.public_key.name());
    const auto name = std::ranges::find(csr.subject, "CN", &pki::NameAttribute::type);
    // The character after it keeps SN-1 from passing for SN-10.
    const auto& serial = request.serial_number;
    const bool begins =
        name != csr.subject.end() && name->value.starts_with(serial) &&
        (name->value.size() == serial.size() ||
         std::string_view(" -_./:,").find(name->value[serial.size()]) != std::string_view::npos);
    if (!begins)
        return fail(ErrorCode::unprocessable, "csrData: expected a CN that begins with the serial number");
    // Nothing but the subject is taken over.
    csr.extensions = {};
    return csr;
}

std::optional<sqlite::Serial> serial_of(const Bytes& bytes) {
    sqlite::Serial out{};
    if (bytes.size() != out.size()) return std::nullopt;
    std::ranges::copy(bytes, out.begin());
    return out;
}

}  // namespace

Result<Outcome> key_rotation(Context& context, const service::Caller& caller, const DeviceRequest& request) {
    if (auto refusal = refuse_device(context, request)) return *std::move(refusal);
    const auto csr = read_csr(request);
    if (!csr) return refused(request, code::kSigning, csr.error().message);
    const auto hash = csr->public_key.spki_sha256();
    const auto& device = *request.device;
    if (std::ranges::equal(hash, device.key_hash))
        return refused(request, code::kSigning, "csrData: a rotation needs a new key");
    std::chrono::milliseconds validity{};
    {
        SIGNET_ASSIGN(const auto db, context.services.readers.lease());
        SIGNET_ASSIGN(const auto policy, sqlite::mosip_settings_store::policy(*db));
        validity = policy.certificate_validity;
    }
    const auto material = context.material();
    auto& authorities = context.services.authorities;
    auto made = authorities.prepare(caller, material->settings.ca, material->settings.profile, *csr,
                                    std::chrono::duration_cast<std::chrono::seconds>(validity));
    if (!made) {
        // What the profile refuses is the device's affair; a token that is away is not.
        if (made.error().code == ErrorCode::unprocessable || made.error().code == ErrorCode::invalid_argument)
            return refused(request, code::kSigning, made.error().message);
        return std::unexpected(std::move(made).error());
    }
    const auto prepared = std::make_shared<service::PreparedCertificate>(*std::move(made));
    const auto& certificate = prepared->certificate;
    Outcome outcome;
    outcome.device_code = device.registered ? device.device_code.value_or("") : "";
    outcome.members = [prepared](JsonWriter& json) {
        json.member_base64("signedDeviceCertificate", prepared->certificate.der());
        json.member("keyExpiryTimeStamp", to_rfc3339(prepared->certificate.not_after()));
    };
    auto row = device;
    row.certificate = certificate.der();
    row.issued = prepared->issued;
    row.expires = certificate.not_after();
    SIGNET_ASSIGN(row.serial, from_hex(certificate.serial()));
    row.key_hash.assign(hash.begin(), hash.end());
    const auto superseded = std::make_shared<std::optional<sqlite::StoredCertificate>>();
    outcome.effect = [&context, caller, prepared, row, superseded, before = device.serial,
                      ca = material->settings.ca](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::mosip_device_store::set_certificate(transaction, row, before));
        SIGNET_TRY(context.services.authorities.enter(transaction, caller, *prepared));
        superseded->reset();
        if (const auto serial = serial_of(before)) {
            SIGNET_ASSIGN(auto old, sqlite::certificate_store::find(transaction.db(), ca, *serial));
            if (old && !old->revocation) {
                SIGNET_TRY(context.services.authorities.revoke(transaction, caller, *old,
                                                               sqlite::RevocationReason::superseded));
                *superseded = *std::move(old);
            }
        }
        return sqlite::mosip_device_store::add_event(
            transaction, row.id,
            {.at = prepared->issued,
             .event = "key rotated",
             .details = service::Details()
                            .add("serial", prepared->certificate.serial())
                            .add("not_after", to_rfc3339(prepared->certificate.not_after()))
                            .text()});
    };
    outcome.afterwards = [&context, superseded] {
        if (*superseded) context.services.authorities.revoked(**superseded);
    };
    outcome.details.add("certificate", certificate.serial());
    return outcome;
}

}  // namespace signet::api::mosip
