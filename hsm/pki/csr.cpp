#include "hsm/pki/csr.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

#include "hsm/pki/der.h"
#include "hsm/pki/extensions.h"
#include "hsm/pki/name_codec.h"
#include "hsm/pki/pem.h"
#include "hsm/pki/signing.h"
#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

using provider::fail_openssl;
using provider::RequestPtr;

constexpr int kMaxAttributes = 16;

struct ExtensionsDeleter {
    void operator()(STACK_OF(X509_EXTENSION) * extensions) const noexcept {
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    }
};
using ExtensionsPtr = std::unique_ptr<STACK_OF(X509_EXTENSION), ExtensionsDeleter>;

// RFC 4055 section 3.1: no hash stated means SHA-1.
bool is_accepted_pss(const X509_ALGOR* algorithm) {
    int type = V_ASN1_UNDEF;
    const void* value = nullptr;
    X509_ALGOR_get0(nullptr, &type, &value, algorithm);
    if (type != V_ASN1_SEQUENCE) return false;
    const auto* string = static_cast<const ASN1_STRING*>(value);
    const auto* cursor = ASN1_STRING_get0_data(string);
    RSA_PSS_PARAMS* parameters = d2i_RSA_PSS_PARAMS(nullptr, &cursor, ASN1_STRING_length(string));
    int hash = NID_undef;
    if (parameters != nullptr && parameters->hashAlgorithm != nullptr)
        hash = OBJ_obj2nid(parameters->hashAlgorithm->algorithm);
    RSA_PSS_PARAMS_free(parameters);
    return hash == NID_sha256 || hash == NID_sha384 || hash == NID_sha512;
}

// With MD5 or SHA-1 somebody else's signature could be made to fit.
bool is_accepted_signature(const X509_REQ* request) {
    const X509_ALGOR* algorithm = nullptr;
    X509_REQ_get0_signature(request, nullptr, &algorithm);
    switch (X509_REQ_get_signature_nid(request)) {
        case NID_sha256WithRSAEncryption:
        case NID_sha384WithRSAEncryption:
        case NID_sha512WithRSAEncryption:
        case NID_ecdsa_with_SHA256:
        case NID_ecdsa_with_SHA384:
        case NID_ecdsa_with_SHA512:
        case NID_ED25519:
            return true;
        case NID_rsassaPss:
            return is_accepted_pss(algorithm);
        default:
            return false;
    }
}

Result<RequestPtr> decode(const Bytes& der) {
    RequestPtr request(X509_REQ_new_ex(provider::software_context(), nullptr));
    X509_REQ* target = request.get();
    const auto* cursor = der.data();
    if (target == nullptr || d2i_X509_REQ(&target, &cursor, static_cast<long>(der.size())) == nullptr) {
        (void)request.release();  // d2i freed it
        return fail_openssl(ErrorCode::invalid_argument, "the certificate request is malformed");
    }
    if (X509_REQ_get_version(request.get()) != X509_REQ_VERSION_1)
        return fail(ErrorCode::invalid_argument, "the certificate request has another version than 1");
    return request;
}

Result<PublicKey> read_public_key(X509_REQ* request) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &der);
    if (size <= 0)
        return fail_openssl(ErrorCode::invalid_argument, "the certificate request has no public key");
    const Bytes spki(der, der + size);
    OPENSSL_free(der);
    return PublicKey::from_spki(spki);
}

Status prove_possession(X509_REQ* request, const PublicKey& key) {
    if (!is_accepted_signature(request))
        return fail(ErrorCode::unprocessable,
                    "the certificate request is signed with an algorithm that is not accepted; use SHA-256 "
                    "or stronger");
    if (X509_REQ_verify(request, key.get()) == 1) return {};
    return fail_openssl(ErrorCode::unprocessable,
                        "the signature of the certificate request does not verify under its own key");
}

Result<RequestedExtensions> read_requested(X509_REQ* request) {
    RequestedExtensions out;
    const int count = X509_REQ_get_attr_count(request);
    if (count > kMaxAttributes)
        return fail(ErrorCode::unprocessable, "the certificate request has more than 16 attributes");
    int requests = 0;
    for (int i = 0; i < count; ++i) {
        auto* attribute = X509_REQ_get_attr(request, i);
        const int nid = OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute));
        if (nid != NID_ext_req && nid != NID_ms_ext_req) continue;
        if (++requests > 1 || X509_ATTRIBUTE_count(attribute) != 1)
            return fail(ErrorCode::unprocessable,
                        "the certificate request asks for extensions more than once");
    }
    if (requests == 0) return out;
    const ExtensionsPtr extensions(X509_REQ_get_extensions(request));
    if (!extensions)
        return fail_openssl(ErrorCode::invalid_argument,
                            "the extensions in the certificate request are malformed");
    SIGNET_ASSIGN(auto read, read_extensions(extensions.get()));
    if (read.other_alternative_names)
        return fail(ErrorCode::unprocessable,
                    "the certificate request has alternative names that are neither DNS, URI, email nor IP");
    out.alternative_names = std::move(read.alternative_names);
    out.key_usage = read.key_usage;
    out.extended_key_usage = std::move(read.extended_key_usage);
    out.certificate_authority = read.certificate_authority;
    out.others = std::move(read.others);
    return out;
}

Status add_alternative_names(X509_REQ* request, const std::vector<GeneralName>& names) {
    if (names.empty()) return {};
    SIGNET_ASSIGN(const auto general_names, make_general_names(names));
    STACK_OF(X509_EXTENSION)* extensions = nullptr;
    const bool added =
        X509V3_add1_i2d(&extensions, NID_subject_alt_name, general_names.get(), 0, X509V3_ADD_APPEND) == 1;
    const ExtensionsPtr owner(extensions);
    if (added && X509_REQ_add_extensions(request, extensions) == 1) return {};
    return fail_openssl(ErrorCode::internal, "cannot encode the alternative names");
}

}  // namespace

Result<CertificateRequest> parse_csr(std::string_view input) {
    provider::clear_openssl_errors();
    SIGNET_ASSIGN(auto der, der_from_any(input, {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"},
                                         kMaxCsrSize, "certificate request"));
    SIGNET_TRY(check_der(der, "certificate request"));
    SIGNET_ASSIGN(const auto request, decode(der));
    SIGNET_ASSIGN(auto key, read_public_key(request.get()));
    SIGNET_TRY(prove_possession(request.get(), key));
    const auto* subject = X509_REQ_get_subject_name(request.get());
    SIGNET_ASSIGN(auto name, read_name(subject));
    SIGNET_ASSIGN(auto extensions, read_requested(request.get()));
    auto text = to_rfc4514(name);
    return CertificateRequest{std::move(der),  std::move(key),    std::move(name),
                              std::move(text), name_der(subject), std::move(extensions)};
}

Result<Bytes> make_csr(const provider::TokenKey& key, const Name& subject,
                       const std::vector<GeneralName>& names, Deadline deadline) {
    SIGNET_ASSIGN(const auto public_key, PublicKey::from_spki(key.public_key()));
    SIGNET_ASSIGN(const auto name, make_name(subject));
    const RequestPtr request(X509_REQ_new_ex(provider::software_context(), nullptr));
    if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_subject_name(request.get(), name.get()) != 1 ||
        X509_REQ_set_pubkey(request.get(), public_key.get()) != 1)
        return fail_openssl(ErrorCode::internal, "cannot make a certificate request");
    SIGNET_TRY(add_alternative_names(request.get(), names));
    SIGNET_ASSIGN(const auto context, start_signature(key, std::nullopt));
    const provider::DeadlineScope scope(deadline);
    if (X509_REQ_sign_ctx(request.get(), context.get()) <= 0)
        return fail_openssl(ErrorCode::internal, "cannot sign the certificate request");
    unsigned char* der = nullptr;
    const int size = i2d_X509_REQ(request.get(), &der);
    if (size <= 0) return fail_openssl(ErrorCode::internal, "cannot encode the certificate request");
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

}  // namespace signet::pki
