#include "hsm/pki/signing.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "hsm/provider/openssl_error.h"

namespace signet::pki {

const char* digest_name(SignAlgorithm algorithm) {
    const auto hash = hash_of(algorithm);
    if (!hash) return nullptr;
    switch (*hash) {
        case HashAlgorithm::sha1:
            return "SHA1";
        case HashAlgorithm::sha256:
            return "SHA256";
        case HashAlgorithm::sha384:
            return "SHA384";
        case HashAlgorithm::sha512:
            return "SHA512";
    }
    return nullptr;
}

Result<provider::DigestCtxPtr> start_signature(const provider::TokenKey& key,
                                               std::optional<SignAlgorithm> algorithm) {
    const auto chosen = algorithm ? algorithm : default_sign_algorithm(key.algorithm());
    if (!chosen || !fits(*chosen, key.algorithm()))
        return fail(ErrorCode::invalid_argument, "the signature algorithm does not fit a key of " +
                                                     std::string(to_string(key.algorithm())));
    provider::clear_openssl_errors();
    provider::DigestCtxPtr context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* parameters = nullptr;
    if (context == nullptr || EVP_DigestSignInit_ex(context.get(), &parameters, digest_name(*chosen),
                                                    key.library(), nullptr, key.get(), nullptr) != 1)
        return provider::fail_openssl(ErrorCode::internal, "cannot start the signature");
    const bool pss =
        *chosen == SignAlgorithm::ps256 || *chosen == SignAlgorithm::ps384 || *chosen == SignAlgorithm::ps512;
    if (pss && (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) != 1 ||
                EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) != 1))
        return provider::fail_openssl(ErrorCode::internal, "cannot start the PSS signature");
    return context;
}

Status check_key(const provider::TokenKey& key, KeyUsage purpose, const PublicKey& public_key,
                 std::string_view owner) {
    if (key.purpose() != purpose)
        return fail(ErrorCode::failed_precondition,
                    "the key was loaded for " + std::string(to_string(key.purpose())) + ", and this needs " +
                        std::string(to_string(purpose)));
    if (key.public_key() != public_key.spki())
        return fail(ErrorCode::failed_precondition, "the key in the token is not the one of " +
                                                        std::string(owner) +
                                                        ": use the version it was issued for");
    return {};
}

}  // namespace signet::pki
