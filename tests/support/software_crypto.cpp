#include "tests/support/software_crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/random.h"

namespace signet::testing {

using provider::DigestCtxPtr;
using provider::PkeyCtxPtr;
using provider::PkeyPtr;

namespace {

const EVP_MD* md_of(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1:
            return EVP_sha1();
        case HashAlgorithm::sha256:
            return EVP_sha256();
        case HashAlgorithm::sha384:
            return EVP_sha384();
        case HashAlgorithm::sha512:
            return EVP_sha512();
    }
    return nullptr;
}

}  // namespace

PkeyPtr generate_pair(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::rsa_2048:
            return PkeyPtr(EVP_RSA_gen(2048));
        case KeyAlgorithm::rsa_3072:
            return PkeyPtr(EVP_RSA_gen(3072));
        case KeyAlgorithm::rsa_4096:
            return PkeyPtr(EVP_RSA_gen(4096));
        case KeyAlgorithm::ec_p256:
            return PkeyPtr(EVP_EC_gen("P-256"));
        case KeyAlgorithm::ec_p384:
            return PkeyPtr(EVP_EC_gen("P-384"));
        case KeyAlgorithm::ed25519:
            return PkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
        default:
            return nullptr;
    }
}

Bytes spki_of(EVP_PKEY* pair) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(pair, &der);
    if (size <= 0) return {};
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

Secret pkcs8_of(EVP_PKEY* pair) {
    auto* const info = EVP_PKEY2PKCS8(pair);
    unsigned char* der = nullptr;
    const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    PKCS8_PRIV_KEY_INFO_free(info);
    if (size <= 0) return {};
    auto out = Secret::copy_of(ByteView(der, static_cast<std::size_t>(size)));
    OPENSSL_clear_free(der, static_cast<std::size_t>(size));
    return out;
}

std::array<std::uint8_t, 3> check_value(KeyAlgorithm algorithm, ByteView key) {
    const std::array<std::uint8_t, 16> zeros{};
    std::array<std::uint8_t, 32> output{};
    if (algorithm == KeyAlgorithm::tdes_2key || algorithm == KeyAlgorithm::tdes_3key) {
        auto* const context = EVP_CIPHER_CTX_new();
        int size = 0;
        EVP_EncryptInit_ex(context, key.size() == 16 ? EVP_des_ede_ecb() : EVP_des_ede3_ecb(), nullptr,
                           key.data(), nullptr);
        EVP_EncryptUpdate(context, output.data(), &size, zeros.data(), 8);
        EVP_CIPHER_CTX_free(context);
    } else {
        const auto cipher = "AES-" + std::to_string(key.size() * 8) + "-CBC";
        std::size_t size = 0;
        EVP_Q_mac(nullptr, "CMAC", nullptr, cipher.c_str(), nullptr, key.data(), key.size(), zeros.data(),
                  zeros.size(), output.data(), output.size(), &size);
    }
    return {output[0], output[1], output[2]};
}

Bytes hmac(HashAlgorithm hash, ByteView key, ByteView data) {
    Bytes out(hash_size(hash));
    unsigned int size = 0;
    HMAC(md_of(hash), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(), &size);
    return out;
}

// AES-256-GCM; layout nonce (12) ‖ ciphertext ‖ tag (16).
Bytes gcm_seal(ByteView key, ByteView associated, ByteView plaintext) {
    Bytes out = random_bytes(12);
    out.resize(12 + plaintext.size() + 16);
    EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new();
    int size = 0;
    EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key.data(), out.data(), nullptr);
    EVP_EncryptUpdate(ctx, nullptr, &size, associated.data(), static_cast<int>(associated.size()));
    EVP_EncryptUpdate(ctx, out.data() + 12, &size, plaintext.data(), static_cast<int>(plaintext.size()));
    EVP_EncryptFinal_ex(ctx, out.data() + 12 + size, &size);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out.data() + out.size() - 16);
    EVP_CIPHER_CTX_free(ctx);
    return out;
}

std::optional<Secret> gcm_open(ByteView key, ByteView associated, ByteView sealed) {
    if (sealed.size() < 28) return std::nullopt;
    Secret out(sealed.size() - 28);
    Bytes tag = to_bytes(sealed.last(16));
    std::uint8_t nothing = 0;
    auto* target = out.empty() ? &nothing : out.data();
    EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new();
    int size = 0;
    EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), key.data(), sealed.data(), nullptr);
    EVP_DecryptUpdate(ctx, nullptr, &size, associated.data(), static_cast<int>(associated.size()));
    EVP_DecryptUpdate(ctx, target, &size, sealed.data() + 12, static_cast<int>(out.size()));
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag.data());
    const bool good = EVP_DecryptFinal_ex(ctx, target, &size) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!good) return std::nullopt;
    return out;
}

Result<Bytes> sign_with(EVP_PKEY* pair, SignAlgorithm algorithm, ByteView input) {
    if (algorithm == SignAlgorithm::eddsa) {
        if (input.size() > (std::size_t{1} << 20))
            return fail(ErrorCode::too_large, "the message is over 1 MiB");
        const DigestCtxPtr ctx(EVP_MD_CTX_new());
        Bytes out(64);
        std::size_t size = out.size();
        if (EVP_DigestSignInit(ctx.get(), nullptr, nullptr, nullptr, pair) != 1 ||
            EVP_DigestSign(ctx.get(), out.data(), &size, input.data(), input.size()) != 1)
            return fail(ErrorCode::internal, "cannot sign");
        return out;
    }
    const auto hash = *signet::hash_of(algorithm);
    if (input.size() != hash_size(hash))
        return fail(ErrorCode::invalid_argument, "the digest has the wrong size for the algorithm");
    const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(pair, nullptr));
    if (EVP_PKEY_sign_init(ctx.get()) != 1) return fail(ErrorCode::internal, "cannot sign");
    const bool pss = algorithm == SignAlgorithm::ps256 || algorithm == SignAlgorithm::ps384 ||
                     algorithm == SignAlgorithm::ps512;
    if (EVP_PKEY_get_base_id(pair) == EVP_PKEY_RSA) {
        EVP_PKEY_CTX_set_rsa_padding(ctx.get(), pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
        if (pss) EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx.get(), RSA_PSS_SALTLEN_DIGEST);
    }
    EVP_PKEY_CTX_set_signature_md(ctx.get(), md_of(hash));
    std::size_t size = 0;
    if (EVP_PKEY_sign(ctx.get(), nullptr, &size, input.data(), input.size()) != 1)
        return fail(ErrorCode::internal, "cannot sign");
    Bytes out(size);
    if (EVP_PKEY_sign(ctx.get(), out.data(), &size, input.data(), input.size()) != 1)
        return fail(ErrorCode::internal, "cannot sign");
    out.resize(size);
    return out;
}

Result<Secret> decrypt_oaep(EVP_PKEY* pair, const DecryptRequest& request) {
    const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(pair, nullptr));
    EVP_PKEY_decrypt_init(ctx.get());
    EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_OAEP_PADDING);
    EVP_PKEY_CTX_set_rsa_oaep_md(ctx.get(), md_of(request.oaep_hash));
    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx.get(), md_of(request.mgf1_hash));
    if (!request.label.empty()) {
        void* label = OPENSSL_memdup(request.label.data(), request.label.size());
        EVP_PKEY_CTX_set0_rsa_oaep_label(ctx.get(), label, static_cast<int>(request.label.size()));
    }
    Secret out(static_cast<std::size_t>(EVP_PKEY_get_size(pair)));
    std::size_t size = out.size();
    if (EVP_PKEY_decrypt(ctx.get(), out.data(), &size, request.ciphertext.data(),
                         request.ciphertext.size()) != 1)
        return fail(ErrorCode::token_refused, "the ciphertext does not decrypt under this key");
    out.truncate(size);
    return out;
}

}  // namespace signet::testing
