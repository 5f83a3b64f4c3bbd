#include "hsm/token/certificates.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

namespace signet::token {
namespace {

using pkcs11::CkResult;
using pkcs11::Session;
using pkcs11::Template;

constexpr std::size_t kMaxCertificate = 65536;

template <class Object, class Encode>
Bytes der(Object* object, Encode encode) {
    const int size = encode(object, nullptr);
    if (size <= 0) return {};
    Bytes out(static_cast<std::size_t>(size));
    auto* end = out.data();
    encode(object, &end);
    return out;
}

// The parts that PKCS#11 keeps as attributes of their own (v2.40 section 4.6.3), each in DER.
struct CertificateParts {
    Bytes subject;
    Bytes issuer;
    Bytes serial;
    Bytes public_key;
};

std::optional<CertificateParts> parse(ByteView certificate) {
    if (certificate.empty() || certificate.size() > kMaxCertificate) return std::nullopt;
    ERR_set_mark();
    const auto* end = certificate.data();
    const std::unique_ptr<X509, decltype(&X509_free)> x509(
        d2i_X509(nullptr, &end, static_cast<long>(certificate.size())), &X509_free);
    ERR_pop_to_mark();
    if (!x509 || end != certificate.data() + certificate.size()) return std::nullopt;
    return CertificateParts{
        .subject = der(X509_get_subject_name(x509.get()), i2d_X509_NAME),
        .issuer = der(X509_get_issuer_name(x509.get()), i2d_X509_NAME),
        .serial = der(X509_get0_serialNumber(x509.get()), i2d_ASN1_INTEGER),
        .public_key = der(X509_get_X509_PUBKEY(x509.get()), i2d_X509_PUBKEY),
    };
}

Template pattern() {
    Template out;
    out.number(CKA_CLASS, CKO_CERTIFICATE).flag(CKA_TOKEN, true);
    return out;
}

}  // namespace

Status Certificates::import(const CertificateEntry& entry) {
    const auto parts = parse(entry.certificate);
    if (!parts) {
        return fail(ErrorCode::invalid_argument,
                    "this is not one X.509 certificate in DER of 64 KiB at most");
    }
    SIGNET_ASSIGN(const auto key, keys_->get_existing(entry.key));
    if (key->info().public_key.empty() || key->info().public_key != parts->public_key) {
        return fail(ErrorCode::invalid_argument,
                    "the certificate is not for the key " + to_string(entry.key));
    }
    const auto what = "storing the certificate of " + to_string(entry.key);
    const auto explained = [&](const pkcs11::Failure& failure) {
        return std::unexpected(context_->explain(failure, what));
    };
    const auto began = std::filesystem::file_time_type::clock::now();
    auto session = context_->writable_session();
    if (!session) return explained(session.error());

    auto former = pattern();
    former.bytes(CKA_ID, key->cka_id());
    const auto old = session->find(former);
    if (!old) return explained(old.error());
    auto object = pattern();
    object.number(CKA_CERTIFICATE_TYPE, CKC_X_509).flag(CKA_PRIVATE, false);
    object.text(CKA_LABEL, entry.key.label).bytes(CKA_ID, key->cka_id());
    object.bytes(CKA_SUBJECT, parts->subject)
        .bytes(CKA_ISSUER, parts->issuer)
        .bytes(CKA_SERIAL_NUMBER, parts->serial);
    object.bytes(CKA_VALUE, entry.certificate);
    // Softokn refuses a certificate it has already; what is stored already stays.
    std::optional<CK_OBJECT_HANDLE> current;
    for (const auto handle : *old) {
        const auto read = session->read(handle, {CKA_VALUE});
        if (read && std::ranges::equal(read->bytes(CKA_VALUE), entry.certificate)) current = handle;
    }
    if (!current) {
        const auto created = session->create(object);
        if (!created) return explained(created.error());
        current = *created;
        SIGNET_TRY(context_->sync_storage(began));
    }
    for (const auto handle : *old) {
        if (handle != *current) (void)session->destroy(handle);
    }
    return context_->sync_storage(began);
}

Result<std::vector<CertificateEntry>> Certificates::list() {
    SIGNET_TRY(keys_->refresh());
    std::map<Bytes, KeyId> owners;
    for (const auto& key : keys_->all())
        owners.emplace(key->cka_id(), key->info().id);
    auto found = context_->with_session([&](Session& session) -> CkResult<std::vector<CertificateEntry>> {
        auto wanted = pattern();
        SIGNET_ASSIGN(const auto handles, session.find(wanted));
        std::vector<CertificateEntry> entries;
        for (const auto handle : handles) {
            auto read = session.read(handle, {CKA_ID, CKA_VALUE});
            if (!read && pkcs11::is_stale_handle(read.error().rv)) continue;
            if (!read) return std::unexpected(read.error());
            const auto owner = owners.find(to_bytes(read->bytes(CKA_ID)));
            if (owner != owners.end()) entries.push_back({owner->second, to_bytes(read->bytes(CKA_VALUE))});
        }
        return entries;
    });
    if (!found) return std::unexpected(context_->explain(found.error(), "listing certificates"));
    std::ranges::sort(*found, {}, &CertificateEntry::key);
    return *std::move(found);
}

}  // namespace signet::token
