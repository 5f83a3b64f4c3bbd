#include "hsm/pki/ocsp.h"

#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>

#include "hsm/pki/der.h"
#include "hsm/pki/extensions.h"
#include "hsm/pki/signing.h"
#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

using provider::fail_openssl;

constexpr std::string_view kOcspSigning = "1.3.6.1.5.5.7.3.9";

struct OcspDeleter {
    void operator()(OCSP_REQUEST* request) const noexcept { OCSP_REQUEST_free(request); }
    void operator()(OCSP_RESPONSE* response) const noexcept { OCSP_RESPONSE_free(response); }
    void operator()(OCSP_BASICRESP* response) const noexcept { OCSP_BASICRESP_free(response); }
    void operator()(OCSP_CERTID* id) const noexcept { OCSP_CERTID_free(id); }
    void operator()(ASN1_TIME* time) const noexcept { ASN1_TIME_free(time); }
};
template <class T>
using OcspPtr = std::unique_ptr<T, OcspDeleter>;

std::unexpected<Error> malformed(std::string message) {
    return fail(ErrorCode::invalid_argument, std::move(message));
}

Bytes bytes_of(const ASN1_STRING* string) {
    const auto* data = ASN1_STRING_get0_data(string);
    return {data, data + ASN1_STRING_length(string)};
}

std::optional<HashAlgorithm> hash_of_object(const ASN1_OBJECT* object) {
    switch (OBJ_obj2nid(object)) {
        case NID_sha1:
            return HashAlgorithm::sha1;
        case NID_sha256:
            return HashAlgorithm::sha256;
        case NID_sha384:
            return HashAlgorithm::sha384;
        case NID_sha512:
            return HashAlgorithm::sha512;
        default:
            return std::nullopt;
    }
}

Result<OcspCertificateId> read_id(OCSP_ONEREQ* single) {
    if (OCSP_ONEREQ_get_ext_by_critical(single, 1, -1) >= 0)
        return malformed("the OCSP request has an unknown critical extension");
    auto* id = OCSP_onereq_get0_id(single);
    ASN1_OCTET_STRING *name_hash = nullptr, *key_hash = nullptr;
    ASN1_OBJECT* algorithm = nullptr;
    ASN1_INTEGER* serial = nullptr;
    if (OCSP_id_get0_info(&name_hash, &algorithm, &key_hash, &serial, id) != 1)
        return malformed("the OCSP request is malformed");
    const auto hash = hash_of_object(algorithm);
    auto text = serial_text(serial);
    if (!hash || !text)
        return malformed("the OCSP request uses an unknown hash, or a serial number no certificate has");
    OcspCertificateId out{*hash, bytes_of(name_hash), bytes_of(key_hash), *std::move(text), {}};
    if (out.issuer_name_hash.size() != hash_size(*hash) || out.issuer_key_hash.size() != hash_size(*hash))
        return malformed("a hash in the OCSP request has the wrong size");
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_CERTID(id, &der);
    if (size <= 0) return fail_openssl(ErrorCode::internal, "cannot encode a certificate id");
    out.der.assign(der, der + size);
    OPENSSL_free(der);
    return out;
}

// The nonce is an OCTET STRING inside the extension's own (RFC 9654 section 2.1).
Result<std::optional<Bytes>> read_extensions_of(OCSP_REQUEST* request) {
    std::optional<Bytes> nonce;
    const int count = OCSP_REQUEST_get_ext_count(request);
    if (count > 16) return malformed("the OCSP request has more than 16 extensions");
    for (int i = 0; i < count; ++i) {
        auto* extension = OCSP_REQUEST_get_ext(request, i);
        if (OBJ_obj2nid(X509_EXTENSION_get_object(extension)) != NID_id_pkix_OCSP_Nonce) {
            if (X509_EXTENSION_get_critical(extension) != 0)
                return malformed("the OCSP request has an unknown critical extension");
            continue;
        }
        const auto value = bytes_of(X509_EXTENSION_get_data(extension));
        const auto inner = read_der(value);
        if (nonce || !inner || inner->tag != der_tag::kOctetString || inner->size != value.size() ||
            inner->content.empty() || inner->content.size() > kMaxOcspNonce)
            return malformed(
                "the nonce of the OCSP request is malformed, empty, over 128 bytes or there twice");
        nonce = to_bytes(inner->content);
    }
    return nonce;
}

Result<OcspPtr<ASN1_TIME>> generalized_time(SystemTime time) {
    OcspPtr<ASN1_TIME> out(
        ASN1_GENERALIZEDTIME_set(nullptr, static_cast<std::time_t>(to_unix_ms(time) / 1000)));
    if (!out) return fail_openssl(ErrorCode::internal, "cannot encode a time");
    return out;
}

Status check_responder(const OcspResponder& responder, SystemTime now) {
    const auto& certificate = responder.certificate;
    SIGNET_TRY(check_key(responder.key, KeyUsage::certify, certificate.public_key(),
                         "the OCSP responder " + certificate.subject_text()));
    if (now < certificate.not_before() || now >= certificate.not_after())
        return fail(ErrorCode::failed_precondition,
                    "the certificate of the OCSP responder is not valid now: renew it");
    if (certificate.der() == responder.issuer.der()) return {};
    // RFC 6960 section 4.2.2.2: issued directly by the CA that the request is about.
    const bool purpose = std::ranges::find(certificate.extended_key_usage(), kOcspSigning) !=
                         certificate.extended_key_usage().end();
    if (purpose && certificate.signed_by(responder.issuer)) return {};
    return fail(
        ErrorCode::failed_precondition,
        "the OCSP responder's certificate lacks OCSPSigning, or is not issued by the CA it answers for");
}

Status add_status(OCSP_BASICRESP* response, const OcspCertificateId& id, const OcspStatus& status,
                  ASN1_TIME* this_update, ASN1_TIME* next_update) {
    const auto* cursor = id.der.data();
    const OcspPtr<OCSP_CERTID> certificate(
        d2i_OCSP_CERTID(nullptr, &cursor, static_cast<long>(id.der.size())));
    OcspPtr<ASN1_TIME> revoked_at;
    int kind = V_OCSP_CERTSTATUS_UNKNOWN;
    int reason = OCSP_REVOKED_STATUS_NOSTATUS;
    if (status.status == OcspCertificateStatus::good) kind = V_OCSP_CERTSTATUS_GOOD;
    if (status.status == OcspCertificateStatus::revoked) {
        kind = V_OCSP_CERTSTATUS_REVOKED;
        if (status.reason != RevocationReason::unspecified) reason = static_cast<int>(status.reason);
        SIGNET_ASSIGN(revoked_at, generalized_time(status.revoked_at));
    }
    if (certificate == nullptr ||
        OCSP_basic_add1_status(response, certificate.get(), kind, reason, revoked_at.get(), this_update,
                               next_update) == nullptr)
        return fail_openssl(ErrorCode::internal, "cannot encode an OCSP status");
    return {};
}

Status add_statuses(OCSP_BASICRESP* response, const OcspResponder& responder, const OcspRequest& request,
                    const OcspAnswer& answer) {
    if (answer.statuses.size() != request.certificates.size() || request.certificates.empty())
        return fail(ErrorCode::internal,
                    "an OCSP answer needs one status for each certificate of the request");
    SIGNET_ASSIGN(const auto this_update, generalized_time(answer.this_update));
    SIGNET_ASSIGN(const auto next_update, generalized_time(answer.next_update));
    for (std::size_t i = 0; i < answer.statuses.size(); ++i) {
        const auto& id = request.certificates[i];
        if (answer.statuses[i].status != OcspCertificateStatus::unknown && !id.issued_by(responder.issuer))
            return fail(ErrorCode::internal, "an OCSP answer may only speak for certificates of its CA");
        SIGNET_TRY(add_status(response, id, answer.statuses[i], this_update.get(), next_update.get()));
    }
    return {};
}

Status sign(OCSP_BASICRESP* response, const OcspResponder& responder, const OcspAnswer& answer,
            Deadline deadline) {
    // OCSP_basic_sign_ctx writes the wall clock there; with NOTIME what we wrote stays. There is no setter.
    auto* produced_at = const_cast<ASN1_GENERALIZEDTIME*>(OCSP_resp_get0_produced_at(response));
    if (ASN1_GENERALIZEDTIME_set(produced_at,
                                 static_cast<std::time_t>(to_unix_ms(answer.produced_at) / 1000)) == nullptr)
        return fail_openssl(ErrorCode::internal, "cannot encode a time");
    unsigned long flags = OCSP_RESPID_KEY | OCSP_NOTIME;
    if (responder.certificate.der() == responder.issuer.der()) flags |= OCSP_NOCERTS;
    SIGNET_ASSIGN(const auto context, start_signature(responder.key, answer.algorithm));
    const provider::DeadlineScope scope(deadline);
    if (OCSP_basic_sign_ctx(response, responder.certificate.get(), context.get(), nullptr, flags) == 1)
        return {};
    return fail_openssl(ErrorCode::internal, "cannot sign the OCSP answer");
}

Result<Bytes> encode(OCSP_RESPONSE* response) {
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_RESPONSE(response, &der);
    if (size <= 0) return fail_openssl(ErrorCode::internal, "cannot encode the OCSP answer");
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

}  // namespace

bool OcspCertificateId::issued_by(const Certificate& issuer) const {
    return issuer_name_hash == digest(hash, issuer.subject_der()) &&
           issuer_key_hash == digest(hash, issuer.public_key().key_bits());
}

Result<OcspRequest> parse_ocsp_request(ByteView der) {
    provider::clear_openssl_errors();
    if (der.size() > kMaxOcspRequestSize)
        return fail(ErrorCode::too_large, "the OCSP request is over 16 KiB");
    SIGNET_TRY(check_der(der, "OCSP request"));
    const auto* cursor = der.data();
    const OcspPtr<OCSP_REQUEST> request(d2i_OCSP_REQUEST(nullptr, &cursor, static_cast<long>(der.size())));
    if (!request) return fail_openssl(ErrorCode::invalid_argument, "the OCSP request is malformed");
    const int count = OCSP_request_onereq_count(request.get());
    if (count < 1) return malformed("the OCSP request asks for nothing");
    if (count > static_cast<int>(kMaxOcspCertificates))
        return fail(ErrorCode::too_large, "the OCSP request asks for more than 64 certificates");
    OcspRequest out;
    for (int i = 0; i < count; ++i) {
        SIGNET_ASSIGN(auto id, read_id(OCSP_request_onereq_get0(request.get(), i)));
        out.certificates.push_back(std::move(id));
    }
    SIGNET_ASSIGN(out.nonce, read_extensions_of(request.get()));
    return out;
}

Result<Bytes> sign_ocsp_answer(const OcspResponder& responder, const OcspRequest& request,
                               const OcspAnswer& answer, Deadline deadline) {
    provider::clear_openssl_errors();
    SIGNET_TRY(check_responder(responder, answer.produced_at));
    const OcspPtr<OCSP_BASICRESP> basic(OCSP_BASICRESP_new());
    if (!basic) return fail_openssl(ErrorCode::internal, "cannot make an OCSP answer");
    SIGNET_TRY(add_statuses(basic.get(), responder, request, answer));
    if (request.nonce) {
        auto nonce = *request.nonce;
        if (OCSP_basic_add1_nonce(basic.get(), nonce.data(), static_cast<int>(nonce.size())) != 1)
            return fail_openssl(ErrorCode::internal, "cannot encode the nonce");
    }
    SIGNET_TRY(sign(basic.get(), responder, answer, deadline));
    const OcspPtr<OCSP_RESPONSE> response(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
    if (!response) return fail_openssl(ErrorCode::internal, "cannot make an OCSP answer");
    return encode(response.get());
}

Bytes ocsp_error(OcspError error) {
    // SEQUENCE { ENUMERATED }
    return {0x30, 0x03, 0x0a, 0x01, static_cast<std::uint8_t>(error)};
}

Result<Bytes> make_ocsp_request(const Certificate& certificate, const Certificate& issuer,
                                const std::optional<Bytes>& nonce) {
    provider::clear_openssl_errors();
    const OcspPtr<OCSP_REQUEST> request(OCSP_REQUEST_new());
    OcspPtr<OCSP_CERTID> id(OCSP_cert_to_id(EVP_sha1(), certificate.get(), issuer.get()));
    if (request == nullptr || id == nullptr || OCSP_request_add0_id(request.get(), id.get()) == nullptr)
        return fail_openssl(ErrorCode::internal, "cannot make an OCSP request");
    (void)id.release();
    if (nonce) {
        auto value = *nonce;
        if (OCSP_request_add1_nonce(request.get(), value.data(), static_cast<int>(value.size())) != 1)
            return fail_openssl(ErrorCode::internal, "cannot encode the nonce");
    }
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_REQUEST(request.get(), &der);
    if (size <= 0) return fail_openssl(ErrorCode::internal, "cannot encode the OCSP request");
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

}  // namespace signet::pki
