// Signing. The structure is written here and not by OpenSSL's CMS_sign, which cannot take a signature made elsewhere later.
#include "hsm/pki/cms.h"

#include <openssl/asn1.h>

#include <memory>

#include "base/encoding.h"
#include "hsm/pki/cms_oids.h"
#include "hsm/pki/der.h"
#include "hsm/pki/extensions.h"
#include "hsm/pki/pem.h"
#include "hsm/pki/signature.h"
#include "hsm/pki/signing.h"
#include "hsm/provider/algorithm_identifier.h"

namespace signet::pki {
namespace {

constexpr std::uint8_t kVersion1[] = {0x02, 0x01, 0x01};
constexpr std::uint8_t kSignedAttributes = 0xa0;  // [0] IMPLICIT SET OF
constexpr std::uint8_t kCertificates = 0xa0;      // [0] IMPLICIT SET OF

Bytes attribute(ByteView oid, ByteView value) {
    return der_element(der_tag::kSequence, {oid, der_element(der_tag::kSet, value)});
}

Bytes time_der(SystemTime time) {
    const std::unique_ptr<ASN1_TIME, decltype([](ASN1_TIME* t) { ASN1_TIME_free(t); })> value(
        ASN1_TIME_new());
    if (!set_asn1_time(value.get(), time)) return {};
    const auto* data = ASN1_STRING_get0_data(value.get());
    return der_element(static_cast<std::uint8_t>(ASN1_STRING_type(value.get())),
                       ByteView(data, static_cast<std::size_t>(ASN1_STRING_length(value.get()))));
}

// SigningCertificateV2 with the default hash, SHA-256 (RFC 5035 section 3): binds the signature to one certificate of the key.
Bytes signing_certificate(const Certificate& signer) {
    const auto id = der_element(der_tag::kSequence, der_element(der_tag::kOctetString, signer.fingerprint()));
    return der_element(der_tag::kSequence, der_element(der_tag::kSequence, id));
}

Bytes issuer_and_serial(const Certificate& signer) {
    return der_element(der_tag::kSequence,
                       {signer.issuer_der(), der_unsigned(from_hex(signer.serial()).value_or(Bytes{}))});
}

Bytes certificate_set(const PreparedCms& prepared) {
    std::vector<Bytes> members{prepared.signer.der()};
    for (const auto& certificate : prepared.chain)
        members.push_back(certificate.der());
    return der_set_of(kCertificates, std::move(members));
}

Bytes signer_info(const PreparedCms& prepared, ByteView signature) {
    // The attributes are signed as a SET OF and carried under an implicit tag (RFC 5652 section 5.4).
    auto attributes = prepared.signed_attributes;
    attributes.front() = kSignedAttributes;
    return der_element(der_tag::kSequence, {kVersion1, issuer_and_serial(prepared.signer),
                                            hash_identifier(cms_content_hash(prepared.algorithm)), attributes,
                                            provider::algorithm_identifier(prepared.algorithm),
                                            der_element(der_tag::kOctetString, signature)});
}

Status check_signer(const Certificate& signer) {
    if (signer.key_usage() && !has(*signer.key_usage(), CertificateUsage::digital_signature) &&
        !has(*signer.key_usage(), CertificateUsage::content_commitment))
        return fail(ErrorCode::failed_precondition,
                    "the certificate " + signer.subject_text() + " is not for signatures");
    return {};
}

}  // namespace

HashAlgorithm cms_content_hash(SignAlgorithm algorithm) {
    return hash_of(algorithm).value_or(HashAlgorithm::sha512);
}

Result<PreparedCms> prepare_cms(const Certificate& signer, ByteView content_digest,
                                const CmsOptions& options) {
    SIGNET_TRY(check_signer(signer));
    const auto algorithm = options.algorithm.value_or(signer.public_key().default_algorithm());
    if (!signer.public_key().fits(algorithm))
        return fail(ErrorCode::invalid_argument, std::string(to_string(algorithm)) +
                                                     " does not fit a key of " + signer.public_key().name());
    if (content_digest.size() != hash_size(cms_content_hash(algorithm)))
        return fail(ErrorCode::invalid_argument,
                    "the digest of the content has the wrong size for " + std::string(to_string(algorithm)));
    if (options.chain.size() > 8)
        return fail(ErrorCode::too_large, "a CMS carries at most eight more certificates");
    std::vector<Bytes> attributes{
        attribute(oid::kContentType, oid::kData),
        attribute(oid::kMessageDigest, der_element(der_tag::kOctetString, content_digest)),
    };
    if (options.signing_time) {
        const auto time = time_der(*options.signing_time);
        if (time.empty()) return fail(ErrorCode::invalid_argument, "the signing time is out of range");
        attributes.push_back(attribute(oid::kSigningTime, time));
    }
    if (options.signing_certificate)
        attributes.push_back(attribute(oid::kSigningCertificateV2, signing_certificate(signer)));
    return PreparedCms{algorithm, der_set_of(der_tag::kSet, std::move(attributes)), to_bytes(content_digest),
                       signer, options.chain};
}

Result<Bytes> attach_cms_signature(const PreparedCms& prepared, ByteView signature) {
    SIGNET_ASSIGN(const auto good, verify(prepared.signer.public_key(), prepared.algorithm,
                                          prepared.signed_attributes, signature));
    if (!good)
        return fail(ErrorCode::unprocessable,
                    "the signature does not verify under the key of " + prepared.signer.subject_text());
    const auto hash = hash_identifier(cms_content_hash(prepared.algorithm));
    const auto signed_data = der_element(
        der_tag::kSequence,
        {kVersion1, der_element(der_tag::kSet, hash), der_element(der_tag::kSequence, oid::kData),
         certificate_set(prepared), der_element(der_tag::kSet, signer_info(prepared, signature))});
    auto out =
        der_element(der_tag::kSequence, {oid::kSignedData, der_element(der_tag::kContext0, signed_data)});
    if (out.size() > kMaxCmsSize) return fail(ErrorCode::too_large, "the CMS is over 1 MiB");
    return out;
}

Result<Bytes> sign_cms(const provider::TokenKey& key, const Certificate& signer, ByteView content,
                       const CmsOptions& options, Deadline deadline) {
    SIGNET_TRY(check_key(key, KeyUsage::sign, signer.public_key(), signer.subject_text()));
    const auto algorithm = options.algorithm.value_or(signer.public_key().default_algorithm());
    SIGNET_ASSIGN(const auto prepared,
                  prepare_cms(signer, digest(cms_content_hash(algorithm), content), options));
    SIGNET_ASSIGN(const auto signature, sign(key.token(), key.selector(), prepared.algorithm, key.purpose(),
                                             prepared.signed_attributes, deadline));
    return attach_cms_signature(prepared, signature);
}

std::string cms_to_pem(ByteView der) {
    return to_pem("CMS", der);
}

}  // namespace signet::pki
