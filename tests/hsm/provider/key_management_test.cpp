#include <openssl/core_names.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include "hsm/provider/openssl_error.h"
#include "tests/hsm/provider/token_fixture.h"

namespace signet::testing {
namespace {

using provider::PkeyPtr;

class ProviderKeyManagement : public TokenTest {
  protected:
    static constexpr KeyAlgorithm kAlgorithms[] = {KeyAlgorithm::rsa_2048, KeyAlgorithm::ec_p256,
                                                   KeyAlgorithm::ec_p384, KeyAlgorithm::ed25519};
    provider::TokenKey key_of(KeyAlgorithm algorithm) {
        return make_and_load("key." + std::string(to_string(algorithm)), algorithm, KeyUsage::sign);
    }
    void TearDown() override { provider::clear_openssl_errors(); }
};

TEST_P(ProviderKeyManagement, RefusesToExportPrivateKeys) {
    for (const auto algorithm : kAlgorithms) {
        const auto key = key_of(algorithm);
        OSSL_PARAM* parameters = nullptr;
        EXPECT_NE(EVP_PKEY_todata(key.get(), EVP_PKEY_KEYPAIR, &parameters), 1);
        EXPECT_EQ(parameters, nullptr);
        EXPECT_EQ(EVP_PKEY_todata(key.get(), EVP_PKEY_PUBLIC_KEY, &parameters), 1);
        OSSL_PARAM_free(parameters);

        BIO* out = BIO_new(BIO_s_mem());
        EXPECT_NE(PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
        EXPECT_EQ(BIO_pending(out), 0);
        BIO_free(out);
        unsigned char* der = nullptr;
        EXPECT_LE(i2d_PrivateKey(key.get(), &der), 0);
        EXPECT_EQ(der, nullptr);
        BIGNUM* number = nullptr;
        EXPECT_NE(EVP_PKEY_get_bn_param(
                      key.get(),
                      algorithm == KeyAlgorithm::rsa_2048 ? OSSL_PKEY_PARAM_RSA_D : OSSL_PKEY_PARAM_PRIV_KEY,
                      &number),
                  1);
        EXPECT_EQ(number, nullptr);
        std::size_t size = 0;
        EXPECT_NE(EVP_PKEY_get_raw_private_key(key.get(), nullptr, &size), 1);
    }
}

TEST_P(ProviderKeyManagement, WritesThePublicKey) {
    for (const auto algorithm : kAlgorithms) {
        const auto key = key_of(algorithm);
        const provider::X509Ptr certificate(X509_new_ex(library().get(), nullptr));
        ASSERT_EQ(X509_set_pubkey(certificate.get(), key.get()), 1) << to_string(algorithm);
        unsigned char* der = nullptr;
        const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
        EXPECT_EQ(Bytes(der, der + size), key.public_key());
        OPENSSL_free(der);
        der = nullptr;
        const int again = i2d_PUBKEY(key.get(), &der);
        ASSERT_GT(again, 0);
        EXPECT_EQ(Bytes(der, der + again), key.public_key());
        OPENSSL_free(der);
    }
}

TEST_P(ProviderKeyManagement, ComparesWithPublicKeysOfOpenssl) {
    for (const auto algorithm : kAlgorithms) {
        const auto key = key_of(algorithm);
        const auto other =
            make_and_load("other." + std::string(to_string(algorithm)), algorithm, KeyUsage::sign);
        const auto stock = [&](const provider::TokenKey& of) {
            const auto* cursor = of.public_key().data();
            return PkeyPtr(d2i_PUBKEY_ex(nullptr, &cursor, static_cast<long>(of.public_key().size()),
                                         library().get(), nullptr));
        };
        EXPECT_EQ(EVP_PKEY_eq(key.get(), stock(key).get()), 1) << to_string(algorithm);
        EXPECT_EQ(EVP_PKEY_eq(stock(key).get(), key.get()), 1) << to_string(algorithm);
        EXPECT_NE(EVP_PKEY_eq(key.get(), stock(other).get()), 1);
        EXPECT_NE(EVP_PKEY_eq(key.get(), other.get()), 1);
        EXPECT_EQ(EVP_PKEY_get_bits(key.get()), EVP_PKEY_get_bits(stock(key).get()));
        EXPECT_EQ(EVP_PKEY_get_size(key.get()), EVP_PKEY_get_size(stock(key).get()));
        EXPECT_EQ(EVP_PKEY_get_id(key.get()), EVP_PKEY_get_id(stock(key).get()));
    }
}

// Everything that needs no token key stays with OpenSSL's default provider.
TEST_P(ProviderKeyManagement, LeavesSoftwareKeysAlone) {
    const PkeyPtr software(EVP_PKEY_Q_keygen(library().get(), nullptr, "EC", "P-256"));
    ASSERT_NE(software, nullptr);
    EXPECT_STREQ(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(software.get())), "default");
    const auto key = key_of(KeyAlgorithm::ec_p256);
    EXPECT_STREQ(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key.get())), "signet");
}

TEST_P(ProviderKeyManagement, DoesNotImportPrivateKeys) {
    const PkeyPtr software(EVP_PKEY_Q_keygen(library().get(), nullptr, "RSA", std::size_t{2048}));
    OSSL_PARAM* parameters = nullptr;
    ASSERT_EQ(EVP_PKEY_todata(software.get(), EVP_PKEY_KEYPAIR, &parameters), 1);
    const provider::PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(library().get(), "RSA", "provider=signet"));
    ASSERT_EQ(EVP_PKEY_fromdata_init(context.get()), 1);
    EVP_PKEY* key = nullptr;
    EXPECT_NE(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters), 1);
    EXPECT_EQ(key, nullptr);
    OSSL_PARAM_free(parameters);
}

TEST_P(ProviderKeyManagement, KeysAreRefusedForPurposesTheyLack) {
    const auto info = make("tls.server", KeyAlgorithm::ec_p256, KeyUsage::tls);
    EXPECT_EQ(library().load(info, KeyUsage::sign).error().code, ErrorCode::token_refused);
    EXPECT_EQ(library().load(info, KeyUsage::certify).error().code, ErrorCode::token_refused);
    EXPECT_EQ(library().load({"missing", 1}, KeyUsage::sign, soon()).error().code, ErrorCode::not_found);
    const auto mac = make("mac", KeyAlgorithm::hmac_256, KeyUsage::mac);
    EXPECT_EQ(library().load(mac, KeyUsage::mac).error().code, ErrorCode::invalid_argument);
}

SIGNET_ON_EVERY_TOKEN(ProviderKeyManagement);

}  // namespace
}  // namespace signet::testing
