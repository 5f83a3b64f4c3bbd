// Verification: OpenSSL takes the message apart, and the rules of RFC 5652 section 5.4 and 5.6 are applied here, for all of
// our algorithms alike (OpenSSL 3.0 does not verify Ed25519 in CMS).
#include <openssl/cms.h>
#include <openssl/ess.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>

#include "hsm/pki/cms.h"
#include "hsm/pki/cms_oids.h"
#include "hsm/pki/der.h"
#include "hsm/pki/extensions.h"
#include "hsm/pki/pem.h"
#include "hsm/pki/signature.h"
#include "hsm/provider/algorithm_identifier.h"
#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

using provider::fail_openssl;

struct CmsDeleter {
    void operator()(CMS_ContentInfo* cms) const noexcept { CMS_ContentInfo_free(cms); }
    void operator()(ESS_SIGNING_CERT_V2* stated) const noexcept { ESS_SIGNING_CERT_V2_free(stated); }
    void operator()(STACK_OF(X509) * certificates) const noexcept {
        sk_X509_pop_free(certificates, X509_free);
    }
};
using CmsPtr = std::unique_ptr<CMS_ContentInfo, CmsDeleter>;

std::unexpected<Error> malformed(std::string message) {
    return fail(ErrorCode::invalid_argument, std::move(message));
}
std::unexpected<Error> refused(std::string message) {
    return fail(ErrorCode::unprocessable, std::move(message));
}

template <class T>
Bytes encode(int (*function)(const T*, unsigned char**), const T* object) {
    unsigned char* der = nullptr;
    const int size = function(object, &der);
    if (size <= 0) return {};
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

std::optional<HashAlgorithm> hash_of_algorithm(const X509_ALGOR* algorithm) {
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    switch (OBJ_obj2nid(object)) {
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

// One of ours, byte for byte, or the rsaEncryption and bare forms that other implementations write.
std::optional<SignAlgorithm> algorithm_of(const X509_ALGOR* algorithm, HashAlgorithm hash) {
    const auto der = encode(i2d_X509_ALGOR, algorithm);
    for (int value = 1; value <= 9; ++value) {
        const auto candidate = static_cast<SignAlgorithm>(value);
        if (std::ranges::equal(provider::algorithm_identifier(candidate), der)) return candidate;
    }
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    if (OBJ_obj2nid(object) != NID_rsaEncryption) return std::nullopt;
    switch (hash) {
        case HashAlgorithm::sha256:
            return SignAlgorithm::rs256;
        case HashAlgorithm::sha384:
            return SignAlgorithm::rs384;
        case HashAlgorithm::sha512:
            return SignAlgorithm::rs512;
        case HashAlgorithm::sha1:
            return std::nullopt;
    }
    return std::nullopt;
}

Result<CmsPtr> decode(std::string_view input) {
    SIGNET_ASSIGN(const auto der, der_from_any(input, {"CMS", "PKCS7"}, kMaxCmsSize, "CMS"));
    CmsPtr cms(CMS_ContentInfo_new_ex(provider::software_context(), nullptr));
    CMS_ContentInfo* target = cms.get();
    const auto* cursor = der.data();
    if (target == nullptr ||
        d2i_CMS_ContentInfo(&target, &cursor, static_cast<long>(der.size())) == nullptr) {
        (void)cms.release();  // d2i freed it
        return fail_openssl(ErrorCode::invalid_argument, "the CMS is malformed");
    }
    if (cursor != der.data() + der.size()) return malformed("there is something after the CMS");
    if (OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed)
        return malformed("the CMS is not a SignedData");
    if (OBJ_obj2nid(CMS_get0_eContentType(cms.get())) != NID_pkcs7_data)
        return malformed("the content of the CMS is not of the type data");
    if (CMS_is_detached(cms.get()) != 1)
        return malformed("the CMS carries its content: only detached signatures are accepted");
    if (sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms.get())) != 1)
        return malformed("the CMS does not have exactly one signer");
    return cms;
}

Result<std::vector<Certificate>> read_certificates(CMS_ContentInfo* cms) {
    const std::unique_ptr<STACK_OF(X509), CmsDeleter> stack(CMS_get1_certs(cms));
    std::vector<Certificate> out;
    if (sk_X509_num(stack.get()) > 16)
        return fail(ErrorCode::too_large, "the CMS carries more than 16 certificates");
    for (int i = 0; i < sk_X509_num(stack.get()); ++i) {
        const auto der = encode<X509>(i2d_X509, sk_X509_value(stack.get(), i));
        SIGNET_ASSIGN(auto certificate, Certificate::parse(as_text(der)));
        out.push_back(std::move(certificate));
    }
    return out;
}

Result<Certificate> find_signer(CMS_SignerInfo* info, const std::vector<Certificate>& carried,
                                const std::vector<Certificate>& given) {
    for (const auto* list : {&carried, &given}) {
        for (const auto& candidate : *list) {
            if (CMS_SignerInfo_cert_cmp(info, candidate.get()) == 0) return candidate;
        }
    }
    return refused("the certificate of the CMS's signer is missing");
}

// All signed attributes as DER SET OF, in the order of DER whatever order they came in.
Result<Bytes> signed_attributes(const CMS_SignerInfo* info) {
    const int count = CMS_signed_get_attr_count(info);
    if (count < 1) return refused("the CMS has no signed attributes");
    if (count > 32) return fail(ErrorCode::too_large, "the CMS has more than 32 signed attributes");
    std::vector<Bytes> members;
    for (int i = 0; i < count; ++i)
        members.push_back(encode<X509_ATTRIBUTE>(i2d_X509_ATTRIBUTE, CMS_signed_get_attr(info, i)));
    return der_set_of(der_tag::kSet, std::move(members));
}

// The one value of an attribute that must be there once.
Result<const ASN1_TYPE*> single_value(const CMS_SignerInfo* info, int nid, const char* name) {
    const int at = CMS_signed_get_attr_by_NID(info, nid, -1);
    if (at < 0 || CMS_signed_get_attr_by_NID(info, nid, at) >= 0)
        return refused(std::string("the CMS does not have exactly one ") + name);
    auto* attribute = CMS_signed_get_attr(info, at);
    if (X509_ATTRIBUTE_count(attribute) != 1)
        return refused(std::string("the CMS does not have exactly one ") + name);
    return X509_ATTRIBUTE_get0_type(attribute, 0);
}

Status check_attributes(const CMS_SignerInfo* info, ByteView content_digest) {
    SIGNET_ASSIGN(const auto* type, single_value(info, NID_pkcs9_contentType, "contentType"));
    if (type->type != V_ASN1_OBJECT || OBJ_obj2nid(type->value.object) != NID_pkcs7_data)
        return refused("the contentType attribute of the CMS differs from its content");
    SIGNET_ASSIGN(const auto* value, single_value(info, NID_pkcs9_messageDigest, "messageDigest"));
    if (value->type != V_ASN1_OCTET_STRING)
        return refused("the messageDigest attribute of the CMS is malformed");
    const ByteView stated(ASN1_STRING_get0_data(value->value.octet_string),
                          static_cast<std::size_t>(ASN1_STRING_length(value->value.octet_string)));
    if (!equal_constant_time(stated, content_digest)) return refused("the CMS is not over this content");
    return {};
}

// Where the signature names its certificate (RFC 5035), it must be this one: another certificate of the same key may say
// something else about whose signature it is.
Status check_signing_certificate(const CMS_SignerInfo* info, const Certificate& signer,
                                 const std::vector<Certificate>& others) {
    const int at = CMS_signed_get_attr_by_NID(info, NID_id_smime_aa_signingCertificateV2, -1);
    if (at < 0) return {};
    SIGNET_ASSIGN(const auto* value,
                  single_value(info, NID_id_smime_aa_signingCertificateV2, "signingCertificateV2"));
    if (value->type != V_ASN1_SEQUENCE) return refused("the signingCertificateV2 of the CMS is malformed");
    const auto* cursor = ASN1_STRING_get0_data(value->value.sequence);
    const std::unique_ptr<ESS_SIGNING_CERT_V2, CmsDeleter> stated(
        d2i_ESS_SIGNING_CERT_V2(nullptr, &cursor, ASN1_STRING_length(value->value.sequence)));
    STACK_OF(X509)* chain = sk_X509_new_null();
    sk_X509_push(chain, signer.get());
    for (const auto& other : others)
        sk_X509_push(chain, other.get());
    const bool good = stated != nullptr && OSSL_ESS_check_signing_certs(nullptr, stated.get(), chain, 0) == 1;
    sk_X509_free(chain);
    if (good) return {};
    return fail_openssl(ErrorCode::unprocessable,
                        "the CMS was made for another certificate than the signer's");
}

std::optional<SystemTime> signing_time(const CMS_SignerInfo* info) {
    const int at = CMS_signed_get_attr_by_NID(info, NID_pkcs9_signingTime, -1);
    if (at < 0) return std::nullopt;
    const auto* value = X509_ATTRIBUTE_get0_type(CMS_signed_get_attr(info, at), 0);
    if (value == nullptr || (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME))
        return std::nullopt;
    return from_asn1_time(reinterpret_cast<const ASN1_TIME*>(value->value.asn1_string));
}

}  // namespace

Bytes hash_identifier(HashAlgorithm hash) {
    std::uint8_t last = 0x01;
    if (hash == HashAlgorithm::sha384) last = 0x02;
    if (hash == HashAlgorithm::sha512) last = 0x03;
    return {0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last};
}

Result<CmsSignature> verify_cms(std::string_view input, ByteView content,
                                const std::vector<Certificate>& certificates) {
    provider::clear_openssl_errors();
    SIGNET_ASSIGN(const auto cms, decode(input));
    auto* info = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms.get()), 0);
    X509_ALGOR *digest_algorithm = nullptr, *signature_algorithm = nullptr;
    CMS_SignerInfo_get0_algs(info, nullptr, nullptr, &digest_algorithm, &signature_algorithm);
    const auto hash = hash_of_algorithm(digest_algorithm);
    if (!hash) return refused("the CMS uses a digest that is not accepted; use SHA-256 or stronger");
    const auto algorithm = algorithm_of(signature_algorithm, *hash);
    if (!algorithm || (hash_of(*algorithm) && hash_of(*algorithm) != hash))
        return refused("the CMS uses a signature algorithm that is not accepted");
    SIGNET_ASSIGN(auto carried, read_certificates(cms.get()));
    SIGNET_ASSIGN(auto signer, find_signer(info, carried, certificates));
    SIGNET_TRY(check_attributes(info, digest(*hash, content)));
    SIGNET_TRY(check_signing_certificate(info, signer, carried));
    SIGNET_ASSIGN(auto attributes, signed_attributes(info));
    const auto* value = CMS_SignerInfo_get0_signature(info);
    Bytes signature(ASN1_STRING_get0_data(value), ASN1_STRING_get0_data(value) + ASN1_STRING_length(value));
    const auto good = verify(signer.public_key(), *algorithm, attributes, signature);
    if (!good || !*good) return refused("the signature of the CMS does not verify");
    return CmsSignature{std::move(signer),     std::move(carried),  signing_time(info), *hash,
                        std::move(attributes), std::move(signature)};
}

}  // namespace signet::pki
