#include "hsm/pkcs11/der.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

#include "base/encoding.h"
#include "base/random.h"

namespace signet::pkcs11 {
namespace {

// Made by the openssl command, version 3.0: `openssl genpkey -algorithm … | openssl pkey -pubout -outform DER`.
constexpr std::string_view kP256Spki =
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";  // the base point

Bytes hex(std::string_view text) {
    return from_hex(text).value();
}

TEST(Der, EncodesAnEcdsaSignatureAsOpensslReadsIt) {
    for (const std::size_t size : {64U, 96U}) {
        for (int round = 0; round < 200; ++round) {
            auto raw = random_bytes(size);
            // Leading zeros and set top bits are where encoders go wrong.
            if (round % 3 == 0) raw[0] = 0;
            if (round % 5 == 0) raw[size / 2] = raw[size / 2 + 1] = 0;
            if (round % 7 == 0) raw[0] = 0xFF;
            const auto der = ecdsa_signature_der(raw);
            const auto* end = der.data();
            const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parsed(
                d2i_ECDSA_SIG(nullptr, &end, static_cast<long>(der.size())), &ECDSA_SIG_free);
            ASSERT_TRUE(parsed) << to_hex(der);
            EXPECT_EQ(end, der.data() + der.size());
            Bytes back(size);
            const auto half = static_cast<int>(size / 2);
            ASSERT_EQ(BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), back.data(), half), half);
            ASSERT_EQ(BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), back.data() + half, half), half);
            EXPECT_EQ(back, raw);
            // DER has one encoding.
            unsigned char* again = nullptr;
            const int again_size = i2d_ECDSA_SIG(parsed.get(), &again);
            EXPECT_EQ(Bytes(again, again + again_size), der);
            OPENSSL_free(again);
        }
    }
}

TEST(Der, EncodesZeroAsOneByte) {
    Bytes raw(64, 0);
    raw[63] = 1;
    EXPECT_EQ(to_hex(ecdsa_signature_der(raw)), "3006020100020101");
}

TEST(Der, EncodesEcPoints) {
    const auto spki = hex(kP256Spki);
    const ByteView point = ByteView(spki).subspan(26);
    EXPECT_EQ(ec_public_key_der(KeyAlgorithm::ec_p256, point), spki);
    auto wrapped = hex("0441");
    wrapped.insert(wrapped.end(), point.begin(), point.end());
    EXPECT_EQ(ec_public_key_der(KeyAlgorithm::ec_p256, wrapped), spki);

    EXPECT_FALSE(ec_public_key_der(KeyAlgorithm::ec_p384, point));
    EXPECT_FALSE(ec_public_key_der(KeyAlgorithm::ec_p256, point.first(33)));
    EXPECT_FALSE(ec_public_key_der(KeyAlgorithm::ec_p256, Bytes(65, 0x02)));
    EXPECT_FALSE(ec_public_key_der(KeyAlgorithm::rsa_2048, point));
    EXPECT_FALSE(ec_public_key_der(KeyAlgorithm::ec_p256, {}));
}

TEST(Der, EncodesWhatOpensslEncodes) {
    const auto check = [](const char* type, KeyAlgorithm algorithm) {
        EVP_PKEY* made = algorithm == KeyAlgorithm::ed25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                         : is_rsa(algorithm) ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048})
                                             : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", type);
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(made, &EVP_PKEY_free);
        ASSERT_TRUE(key);
        unsigned char* der = nullptr;
        const int size = i2d_PUBKEY(key.get(), &der);
        const Bytes expected(der, der + size);
        OPENSSL_free(der);
        if (is_rsa(algorithm)) {
            const auto number = [&key](const char* name) {
                BIGNUM* value = nullptr;
                EXPECT_EQ(EVP_PKEY_get_bn_param(key.get(), name, &value), 1);
                Bytes bytes(static_cast<std::size_t>(BN_num_bytes(value)));
                BN_bn2bin(value, bytes.data());
                BN_free(value);
                return bytes;
            };
            EXPECT_EQ(rsa_public_key_der(number("n"), number("e")), expected);
        } else {
            std::size_t length = 0;
            Bytes point(200);
            ASSERT_EQ(EVP_PKEY_get_octet_string_param(key.get(), "pub", point.data(), point.size(), &length),
                      1);
            point.resize(length);
            EXPECT_EQ(ec_public_key_der(algorithm, point), expected);
        }
    };
    check("P-256", KeyAlgorithm::ec_p256);
    check("P-384", KeyAlgorithm::ec_p384);
    check("", KeyAlgorithm::ed25519);
    check("", KeyAlgorithm::rsa_2048);
}

// RFC 8017 section 9.2, note 1.
TEST(Der, WrapsDigests) {
    EXPECT_EQ(to_hex(digest_info(HashAlgorithm::sha1, Bytes(20, 0xAA))).substr(0, 30),
              "3021300906052b0e03021a05000414");
    EXPECT_EQ(to_hex(digest_info(HashAlgorithm::sha256, Bytes(32, 0xAA))).substr(0, 38),
              "3031300d060960864801650304020105000420");
    EXPECT_EQ(to_hex(digest_info(HashAlgorithm::sha384, Bytes(48, 0xAA))).substr(0, 38),
              "3041300d060960864801650304020205000430");
    EXPECT_EQ(to_hex(digest_info(HashAlgorithm::sha512, Bytes(64, 0xAA))).substr(0, 38),
              "3051300d060960864801650304020305000440");
    EXPECT_EQ(digest_info(HashAlgorithm::sha512, Bytes(64, 0xAA)).size(), 83U);
}

}  // namespace
}  // namespace signet::pkcs11
