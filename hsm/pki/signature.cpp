#include "hsm/pki/signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>

#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

constexpr std::size_t kMaxEddsaMessage = std::size_t{1} << 20;

struct EcdsaDeleter {
    void operator()(ECDSA_SIG* signature) const noexcept { ECDSA_SIG_free(signature); }
};
using EcdsaPtr = std::unique_ptr<ECDSA_SIG, EcdsaDeleter>;

const char* openssl_name(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1:
            return "SHA1";
        case HashAlgorithm::sha256:
            return "SHA256";
        case HashAlgorithm::sha384:
            return "SHA384";
        case HashAlgorithm::sha512:
            return "SHA512";
    }
    return "";
}

bool is_pss(SignAlgorithm algorithm) {
    return algorithm == SignAlgorithm::ps256 || algorithm == SignAlgorithm::ps384 ||
           algorithm == SignAlgorithm::ps512;
}

std::size_t coordinate_size(SignAlgorithm algorithm) {
    return algorithm == SignAlgorithm::es256 ? 32 : 48;
}

Status check_fit(const PublicKey& key, SignAlgorithm algorithm) {
    if (key.fits(algorithm)) return {};
    return fail(ErrorCode::invalid_argument,
                std::string(to_string(algorithm)) + " does not fit a key of " + key.name());
}

bool verify_eddsa(const PublicKey& key, ByteView data, ByteView signature) {
    const provider::DigestCtxPtr context(EVP_MD_CTX_new());
    return context != nullptr &&
           EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, provider::software_context(), nullptr,
                                   key.get(), nullptr) == 1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
}

}  // namespace

Result<Bytes> sign_input(SignAlgorithm algorithm, ByteView data) {
    if (const auto hash = hash_of(algorithm)) return digest(*hash, data);
    if (data.size() > kMaxEddsaMessage)
        return fail(ErrorCode::too_large, "EdDSA signs the message itself, 1 MiB at most");
    return to_bytes(data);
}

Status check_digest(SignAlgorithm algorithm, ByteView digest) {
    const auto hash = hash_of(algorithm);
    if (!hash)
        return fail(ErrorCode::invalid_argument,
                    "EdDSA signs the message itself: send the data, not a digest");
    if (digest.size() == hash_size(*hash)) return {};
    return fail(ErrorCode::invalid_argument, std::string(to_string(algorithm)) + " signs digests of " +
                                                 std::to_string(hash_size(*hash)) + " bytes, this one has " +
                                                 std::to_string(digest.size()));
}

Result<Bytes> sign(TokenInterface& token, const KeySelector& key, SignAlgorithm algorithm, KeyUsage purpose,
                   ByteView data, Deadline deadline) {
    SIGNET_ASSIGN(auto input, sign_input(algorithm, data));
    return token.sign({key, algorithm, purpose, std::move(input)}, deadline);
}

Result<bool> verify(const PublicKey& key, SignAlgorithm algorithm, ByteView data, ByteView signature) {
    SIGNET_TRY(check_fit(key, algorithm));
    if (const auto hash = hash_of(algorithm))
        return verify_digest(key, algorithm, digest(*hash, data), signature);
    const bool good = verify_eddsa(key, data, signature);
    provider::clear_openssl_errors();
    return good;
}

Result<bool> verify_digest(const PublicKey& key, SignAlgorithm algorithm, ByteView digest,
                           ByteView signature) {
    SIGNET_TRY(check_fit(key, algorithm));
    SIGNET_TRY(check_digest(algorithm, digest));
    const auto* md_name = openssl_name(*hash_of(algorithm));
    const provider::PkeyCtxPtr context(
        EVP_PKEY_CTX_new_from_pkey(provider::software_context(), key.get(), nullptr));
    int padding = is_pss(algorithm) ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
    int salt = RSA_PSS_SALTLEN_DIGEST;
    OSSL_PARAM parameters[5];
    std::size_t count = 0;
    parameters[count++] =
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, const_cast<char*>(md_name), 0);
    if (key.type() == KeyType::rsa) {
        parameters[count++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PAD_MODE, &padding);
        if (is_pss(algorithm)) {
            parameters[count++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &salt);
            parameters[count++] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST,
                                                                   const_cast<char*>(md_name), 0);
        }
    }
    parameters[count] = OSSL_PARAM_construct_end();
    if (context == nullptr || EVP_PKEY_verify_init_ex(context.get(), parameters) != 1)
        return provider::fail_openssl(ErrorCode::internal, "cannot set up the verification");
    const bool good =
        EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(), digest.size()) == 1;
    provider::clear_openssl_errors();
    return good;
}

Result<Bytes> ecdsa_der_to_raw(SignAlgorithm algorithm, ByteView der) {
    const auto size = coordinate_size(algorithm);
    const auto* cursor = der.data();
    const EcdsaPtr signature(d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(der.size())));
    provider::clear_openssl_errors();
    Bytes raw(2 * size);
    if (!signature || cursor != der.data() + der.size() ||
        BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), static_cast<int>(size)) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + size, static_cast<int>(size)) < 0)
        return fail(ErrorCode::invalid_argument, "not an ECDSA signature in DER");
    return raw;
}

Result<Bytes> ecdsa_raw_to_der(SignAlgorithm algorithm, ByteView raw) {
    const auto size = coordinate_size(algorithm);
    if (raw.size() != 2 * size)
        return fail(ErrorCode::invalid_argument, "a raw " + std::string(to_string(algorithm)) +
                                                     " signature has " + std::to_string(2 * size) + " bytes");
    const EcdsaPtr signature(ECDSA_SIG_new());
    ECDSA_SIG_set0(signature.get(), BN_bin2bn(raw.data(), static_cast<int>(size), nullptr),
                   BN_bin2bn(raw.data() + size, static_cast<int>(size), nullptr));
    unsigned char* der = nullptr;
    const int der_size = i2d_ECDSA_SIG(signature.get(), &der);
    if (der_size <= 0) return provider::fail_openssl(ErrorCode::internal, "cannot encode the signature");
    Bytes out(der, der + der_size);
    OPENSSL_free(der);
    return out;
}

}  // namespace signet::pki
