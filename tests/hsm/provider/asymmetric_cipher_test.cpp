#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm/provider/openssl_error.h"
#include "tests/hsm/provider/token_fixture.h"

namespace signet::testing {
namespace {

using provider::PkeyCtxPtr;
using provider::PkeyPtr;

class ProviderCipher : public TokenTest {
  protected:
    void TearDown() override { provider::clear_openssl_errors(); }

    Bytes encrypt(EVP_PKEY* key, int padding, const EVP_MD* hash, ByteView plain) {
        const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(library().get(), key, nullptr));
        Bytes out(512);
        std::size_t size = out.size();
        if (EVP_PKEY_encrypt_init(context.get()) != 1 ||
            EVP_PKEY_CTX_set_rsa_padding(context.get(), padding) != 1)
            return {};
        if (padding == RSA_PKCS1_OAEP_PADDING && EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), hash) != 1)
            return {};
        if (EVP_PKEY_encrypt(context.get(), out.data(), &size, plain.data(), plain.size()) != 1) return {};
        out.resize(size);
        return out;
    }
    std::optional<Bytes> decrypt(EVP_PKEY* key, int padding, const EVP_MD* hash, ByteView cipher) {
        const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(library().get(), key, nullptr));
        if (EVP_PKEY_decrypt_init(context.get()) != 1 ||
            EVP_PKEY_CTX_set_rsa_padding(context.get(), padding) != 1)
            return {};
        if (padding == RSA_PKCS1_OAEP_PADDING && EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), hash) != 1)
            return {};
        std::size_t size = 0;
        if (EVP_PKEY_decrypt(context.get(), nullptr, &size, cipher.data(), cipher.size()) != 1) return {};
        Bytes out(size);
        if (EVP_PKEY_decrypt(context.get(), out.data(), &size, cipher.data(), cipher.size()) != 1) return {};
        out.resize(size);
        return out;
    }
};

TEST_P(ProviderCipher, DecryptsOaep) {
    const auto key = make_and_load("rsa", KeyAlgorithm::rsa_2048, KeyUsage::decrypt);
    const auto* cursor = key.public_key().data();
    const PkeyPtr stock(d2i_PUBKEY_ex(nullptr, &cursor, static_cast<long>(key.public_key().size()),
                                      library().get(), nullptr));
    const auto plain = to_bytes("a small secret");
    for (const auto* hash : {EVP_sha1(), EVP_sha256()}) {
        for (auto* encryptor : {stock.get(), key.get()}) {
            auto cipher = encrypt(encryptor, RSA_PKCS1_OAEP_PADDING, hash, plain);
            ASSERT_EQ(cipher.size(), 256U);
            EXPECT_EQ(decrypt(key.get(), RSA_PKCS1_OAEP_PADDING, hash, cipher), plain);
            cipher[100] ^= 1;
            EXPECT_EQ(decrypt(key.get(), RSA_PKCS1_OAEP_PADDING, hash, cipher), std::nullopt);
        }
    }
    EXPECT_EQ(decrypt(key.get(), RSA_PKCS1_OAEP_PADDING, EVP_sha256(), to_bytes("short")), std::nullopt);
}

TEST_P(ProviderCipher, RefusesPkcs1) {
    const auto key = make_and_load("rsa", KeyAlgorithm::rsa_2048, KeyUsage::decrypt);
    const auto* cursor = key.public_key().data();
    const PkeyPtr stock(d2i_PUBKEY_ex(nullptr, &cursor, static_cast<long>(key.public_key().size()),
                                      library().get(), nullptr));
    const auto cipher = encrypt(stock.get(), RSA_PKCS1_PADDING, nullptr, to_bytes("x"));
    ASSERT_EQ(cipher.size(), 256U);
    EXPECT_EQ(decrypt(key.get(), RSA_PKCS1_PADDING, nullptr, cipher), std::nullopt);
}

TEST_P(ProviderCipher, RefusesKeysLoadedForSignatures) {
    const auto info = make("rsa", KeyAlgorithm::rsa_2048, KeyUsage::decrypt | KeyUsage::sign);
    const auto key = load(info, KeyUsage::sign);
    const auto cipher = encrypt(key.get(), RSA_PKCS1_OAEP_PADDING, EVP_sha256(), to_bytes("x"));
    ASSERT_EQ(cipher.size(), 256U);
    EXPECT_EQ(decrypt(key.get(), RSA_PKCS1_OAEP_PADDING, EVP_sha256(), cipher), std::nullopt);
    EXPECT_EQ(provider::fail_openssl(ErrorCode::internal, "").error().code, ErrorCode::token_refused);
}

SIGNET_ON_EVERY_TOKEN(ProviderCipher);

}  // namespace
}  // namespace signet::testing
