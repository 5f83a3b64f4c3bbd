#include "hsm/pki/crl.h"

#include <openssl/bn.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/encoding.h"
#include "hsm/pki/der.h"
#include "hsm/pki/extensions.h"
#include "hsm/pki/name_codec.h"
#include "hsm/pki/pem.h"
#include "hsm/pki/signing.h"
#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

using provider::CrlPtr;
using provider::fail_openssl;

constexpr std::size_t kMaxEntries = 1'000'000;

struct ReasonName {
    RevocationReason reason;
    std::string_view name;
};
constexpr std::array kReasons{
    ReasonName{RevocationReason::unspecified, "unspecified"},
    ReasonName{RevocationReason::key_compromise, "keyCompromise"},
    ReasonName{RevocationReason::ca_compromise, "cACompromise"},
    ReasonName{RevocationReason::affiliation_changed, "affiliationChanged"},
    ReasonName{RevocationReason::superseded, "superseded"},
    ReasonName{RevocationReason::cessation_of_operation, "cessationOfOperation"},
    ReasonName{RevocationReason::certificate_hold, "certificateHold"},
    ReasonName{RevocationReason::remove_from_crl, "removeFromCRL"},
    ReasonName{RevocationReason::privilege_withdrawn, "privilegeWithdrawn"},
    ReasonName{RevocationReason::aa_compromise, "aACompromise"},
};

struct IntegerDeleter {
    void operator()(ASN1_INTEGER* number) const noexcept { ASN1_INTEGER_free(number); }
};
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, IntegerDeleter>;
struct TimeDeleter {
    void operator()(ASN1_TIME* time) const noexcept { ASN1_TIME_free(time); }
};
using TimePtr = std::unique_ptr<ASN1_TIME, TimeDeleter>;
struct RevokedDeleter {
    void operator()(X509_REVOKED* entry) const noexcept { X509_REVOKED_free(entry); }
};
using RevokedPtr = std::unique_ptr<X509_REVOKED, RevokedDeleter>;
struct EnumeratedDeleter {
    void operator()(ASN1_ENUMERATED* value) const noexcept { ASN1_ENUMERATED_free(value); }
};
using EnumeratedPtr = std::unique_ptr<ASN1_ENUMERATED, EnumeratedDeleter>;

Result<IntegerPtr> integer_of(std::string_view serial) {
    const auto bytes = from_hex(serial);
    if (!bytes || bytes->empty() || bytes->size() > 20)
        return fail(ErrorCode::invalid_argument,
                    "'" + std::string(serial.substr(0, 64)) + "' is no serial number in hex");
    BIGNUM* number = BN_bin2bn(bytes->data(), static_cast<int>(bytes->size()), nullptr);
    IntegerPtr out(BN_to_ASN1_INTEGER(number, nullptr));
    BN_free(number);
    if (!out) return fail_openssl(ErrorCode::internal, "cannot encode a serial number");
    return out;
}

Status add_entry(X509_CRL* crl, const RevokedCertificate& certificate, ASN1_TIME* scratch) {
    SIGNET_ASSIGN(const auto serial, integer_of(certificate.serial));
    RevokedPtr entry(X509_REVOKED_new());
    if (entry == nullptr || X509_REVOKED_set_serialNumber(entry.get(), serial.get()) != 1 ||
        !set_asn1_time(scratch, certificate.revoked_at) ||
        X509_REVOKED_set_revocationDate(entry.get(), scratch) != 1)
        return fail_openssl(ErrorCode::internal, "cannot encode an entry of the CRL");
    if (certificate.reason != RevocationReason::unspecified) {
        const EnumeratedPtr reason(ASN1_ENUMERATED_new());
        ASN1_ENUMERATED_set(reason.get(), static_cast<long>(certificate.reason));
        if (X509_REVOKED_add1_ext_i2d(entry.get(), NID_crl_reason, reason.get(), 0, X509V3_ADD_APPEND) != 1)
            return fail_openssl(ErrorCode::internal, "cannot encode the reason of a revocation");
    }
    if (X509_CRL_add0_revoked(crl, entry.get()) != 1)
        return fail_openssl(ErrorCode::internal, "cannot add to the CRL");
    (void)entry.release();
    return {};
}

Status add_entries(X509_CRL* crl, const std::vector<RevokedCertificate>& entries) {
    if (entries.size() > kMaxEntries)
        return fail(ErrorCode::too_large, "a CRL has at most 1,000,000 entries");
    std::unordered_set<std::string_view> seen;
    seen.reserve(entries.size());
    const TimePtr scratch(ASN1_TIME_new());
    for (const auto& entry : entries) {
        if (!seen.insert(entry.serial).second)
            return fail(ErrorCode::invalid_argument,
                        "the serial number " + entry.serial + " is in the CRL twice");
        if (entry.reason == RevocationReason::remove_from_crl)
            return fail(ErrorCode::invalid_argument, "removeFromCRL is for delta CRLs only");
        SIGNET_TRY(add_entry(crl, entry, scratch.get()));
    }
    if (X509_CRL_sort(crl) != 1) return fail_openssl(ErrorCode::internal, "cannot sort the CRL");
    return {};
}

Status add_number(X509_CRL* crl, std::uint64_t number) {
    const IntegerPtr value(ASN1_INTEGER_new());
    if (ASN1_INTEGER_set_uint64(value.get(), number) == 1 &&
        X509_CRL_add1_ext_i2d(crl, NID_crl_number, value.get(), 0, X509V3_ADD_APPEND) == 1)
        return {};
    return fail_openssl(ErrorCode::internal, "cannot encode the CRL number");
}

Status check_issuer(const provider::TokenKey& ca_key, const Certificate& ca, const CrlRequest& request) {
    SIGNET_TRY(check_key(ca_key, KeyUsage::certify, ca.public_key(), "the CA " + ca.subject_text()));
    if (!ca.is_ca() || (ca.key_usage() && !has(*ca.key_usage(), CertificateUsage::crl_sign)))
        return fail(ErrorCode::failed_precondition,
                    "the certificate " + ca.subject_text() + " may not sign CRLs");
    if (request.next_update <= request.this_update)
        return fail(ErrorCode::invalid_argument, "nextUpdate of a CRL must be after thisUpdate");
    return {};
}

std::optional<std::uint64_t> read_number(const X509_CRL* crl) {
    int critical = 0;
    const IntegerPtr value(
        static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, NID_crl_number, &critical, nullptr)));
    std::uint64_t number = 0;
    if (!value || ASN1_INTEGER_get_uint64(&number, value.get()) != 1) return std::nullopt;
    return number;
}

RevocationReason read_reason(const X509_REVOKED* entry) {
    int critical = 0;
    const EnumeratedPtr value(
        static_cast<ASN1_ENUMERATED*>(X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &critical, nullptr)));
    const long number = value ? ASN1_ENUMERATED_get(value.get()) : 0;
    for (const auto& known : kReasons) {
        if (static_cast<long>(known.reason) == number) return known.reason;
    }
    return RevocationReason::unspecified;
}

}  // namespace

std::string_view to_string(RevocationReason reason) {
    for (const auto& known : kReasons) {
        if (known.reason == reason) return known.name;
    }
    return "unspecified";
}

std::optional<RevocationReason> revocation_reason_from(std::string_view name) {
    for (const auto& known : kReasons) {
        if (known.name == name) return known.reason;
    }
    return std::nullopt;
}

Result<Crl> Crl::parse(std::string_view input) {
    provider::clear_openssl_errors();
    SIGNET_ASSIGN(auto der, der_from_any(input, {"X509 CRL"}, kMaxSize, "CRL"));
    SIGNET_TRY(check_der(der, "CRL"));
    CrlPtr crl(X509_CRL_new_ex(provider::software_context(), nullptr));
    X509_CRL* target = crl.get();
    const auto* cursor = der.data();
    if (target == nullptr || d2i_X509_CRL(&target, &cursor, static_cast<long>(der.size())) == nullptr) {
        (void)crl.release();  // d2i freed it
        return fail_openssl(ErrorCode::invalid_argument, "the CRL is malformed");
    }
    if (X509_CRL_get_version(crl.get()) != X509_CRL_VERSION_2 ||
        X509_CRL_get0_nextUpdate(crl.get()) == nullptr)
        return fail(ErrorCode::unprocessable, "the CRL is not of version 2, or has no nextUpdate");
    Crl out;
    out.der_ = std::move(der);
    out.number_ = read_number(crl.get());
    out.this_update_ = from_asn1_time(X509_CRL_get0_lastUpdate(crl.get()));
    out.next_update_ = from_asn1_time(X509_CRL_get0_nextUpdate(crl.get()));
    out.size_ = static_cast<std::size_t>(std::max(0, sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl.get()))));
    out.issuer_der_ = name_der(X509_CRL_get_issuer(crl.get()));
    out.crl_ = std::move(crl);
    return out;
}

std::string Crl::pem() const {
    return to_pem("X509 CRL", der_);
}

std::optional<RevokedCertificate> Crl::find(std::string_view serial) const {
    const auto number = integer_of(serial);
    X509_REVOKED* entry = nullptr;
    if (!number || X509_CRL_get0_by_serial(crl_.get(), &entry, number->get()) != 1) return std::nullopt;
    return RevokedCertificate{std::string(serial), from_asn1_time(X509_REVOKED_get0_revocationDate(entry)),
                              read_reason(entry)};
}

bool Crl::signed_by(const Certificate& issuer) const {
    const bool good =
        issuer_der_ == issuer.subject_der() && X509_CRL_verify(crl_.get(), issuer.public_key().get()) == 1;
    provider::clear_openssl_errors();
    return good;
}

Result<Crl> issue_crl(const provider::TokenKey& ca_key, const Certificate& ca, const CrlRequest& request,
                      Deadline deadline) {
    provider::clear_openssl_errors();
    SIGNET_TRY(check_issuer(ca_key, ca, request));
    const CrlPtr crl(X509_CRL_new_ex(provider::software_context(), nullptr));
    const TimePtr this_update(ASN1_TIME_new()), next_update(ASN1_TIME_new());
    if (crl == nullptr || X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(ca.get())) != 1 ||
        !set_asn1_time(this_update.get(), request.this_update) ||
        !set_asn1_time(next_update.get(), request.next_update) ||
        X509_CRL_set1_lastUpdate(crl.get(), this_update.get()) != 1 ||
        X509_CRL_set1_nextUpdate(crl.get(), next_update.get()) != 1)
        return fail_openssl(ErrorCode::internal, "cannot build the CRL");
    SIGNET_TRY(add_entries(crl.get(), request.entries));
    const auto& identifier = ca.subject_key_identifier();
    SIGNET_TRY(add_authority_key_identifier(
        crl.get(), identifier.empty() ? ca.public_key().key_identifier() : identifier));
    SIGNET_TRY(add_number(crl.get(), request.number));

    SIGNET_ASSIGN(const auto context, start_signature(ca_key, request.algorithm));
    const provider::DeadlineScope scope(deadline);
    if (X509_CRL_sign_ctx(crl.get(), context.get()) <= 0)
        return fail_openssl(ErrorCode::internal, "cannot sign the CRL");
    unsigned char* der = nullptr;
    const int size = i2d_X509_CRL(crl.get(), &der);
    if (size <= 0) return fail_openssl(ErrorCode::internal, "cannot encode the CRL");
    auto parsed = Crl::parse({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    if (parsed && !parsed->signed_by(ca))
        return fail(ErrorCode::internal,
                    "the token's signature over the CRL does not verify under the CA's key");
    return parsed;
}

}  // namespace signet::pki
