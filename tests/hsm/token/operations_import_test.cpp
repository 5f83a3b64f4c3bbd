// Secrets that come from outside, and key pairs that are given out.
#include <gtest/gtest.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <functional>

#include "base/encoding.h"
#include "base/random.h"
#include "tests/hsm/token/openssl_reference.h"
#include "tests/hsm/token/token_under_test.h"

namespace signet::testing {
namespace {

constexpr HashAlgorithm kSha1 = HashAlgorithm::sha1;
constexpr HashAlgorithm kSha256 = HashAlgorithm::sha256;

Bytes hex(std::string_view text) {
    return from_hex(text).value();
}

class OperationsImport : public TokenSuite {
  protected:
    // A key that lets keys in, as a blob, made once for both kinds of token.
    const GeneratedWrappedKey& kek() {
        static std::array<std::optional<GeneratedWrappedKey>, 2> made;
        auto& key = made[GetParam() == TokenKind::softhsm ? 0 : 1];
        if (!key) {
            auto fresh = operations().generate_wrapped(
                {{"wrap", 1},
                 {"bind", 1},
                 {"mpoc:1", "mpoc.kek", 0, 1, KeyAlgorithm::rsa_2048, KeyUsage::unwrap}},
                soon());
            EXPECT_TRUE(ok(fresh));
            key = std::move(fresh).value();
        }
        return *key;
    }
    Bytes encrypted(ByteView secret, HashAlgorithm mgf1_hash = kSha256, HashAlgorithm hash = kSha256) {
        return openssl_oaep_encrypt(kek().public_key, hash, mgf1_hash, {}, secret);
    }
    ImportSecretRequest request(KeyAlgorithm algorithm, Bytes ciphertext) {
        return {.key = kek().key,
                .oaep_hash = kSha256,
                .mgf1_hash = kSha256,
                .label = {},
                .ciphertext = std::move(ciphertext),
                .binding = {"mpoc:1", "mpoc.payment", 7, 1, algorithm, KeyUsage::payment},
                .wrapping_key = {"wrap", 1},
                .binding_key = {"bind", 1}};
    }
    Result<ImportedSecret> import(const ImportSecretRequest& request) {
        return operations().import_secret(request, soon());
    }
};
SIGNET_TOKEN_SUITE(OperationsImport);

// Check values by `openssl mac -cipher AES-n-CBC -macopt hexkey:… CMAC` over 16 zero bytes, and by
// `openssl enc -des-ede[3] -nopad -K …` of 8.
TEST_P(OperationsImport, GiveTheCheckValueThatOpensslGives) {
    struct Case {
        KeyAlgorithm algorithm;
        const char* secret;
        const char* check_value;
    };
    for (const auto& [algorithm, secret, check_value] :
         {Case{KeyAlgorithm::aes_128, "000102030405060708090a0b0c0d0e0f", "be7ed6"},
          Case{KeyAlgorithm::aes_192, "000102030405060708090a0b0c0d0e0f1011121314151617", "d4ffb8"},
          Case{KeyAlgorithm::aes_256, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
               "377822"},
          Case{KeyAlgorithm::tdes_2key, "0123456789abcdeffedcba9876543210", "08d7b4"},
          Case{KeyAlgorithm::tdes_3key, "0123456789abcdeffedcba987654321089abcdef01234567", "3fd539"}}) {
        SCOPED_TRACE(to_string(algorithm));
        for (const auto mgf1_hash : {kSha1, kSha256}) {
            auto wanted = request(algorithm, encrypted(hex(secret), mgf1_hash));
            wanted.mgf1_hash = mgf1_hash;
            const auto imported = import(wanted);
            ASSERT_TRUE(ok(imported));
            EXPECT_EQ(to_hex(imported->check_value), check_value);
            EXPECT_EQ(imported->key.binding, wanted.binding);
            EXPECT_EQ(imported->key.wrapping_key, wanted.wrapping_key);
            const auto moved = operations().rewrap({imported->key, {"wrap", 2}, {"bind", 1}}, soon());
            EXPECT_TRUE(ok(moved)) << "what was wrapped must unwrap again";
            auto other = imported->key;
            other.binding.owner = "mpoc:2";
            EXPECT_EQ(code_of(operations().rewrap({other, {"wrap", 2}, {"bind", 1}}, soon())),
                      ErrorCode::token_refused);
        }
    }
}

TEST_P(OperationsImport, KeepTheValueTheyCameWith) {
    // Seen through the only thing that shows it: wrapped twice and unwrapped, the blob stays the same.
    const auto secret = random_bytes(32);
    const auto first = import(request(KeyAlgorithm::aes_256, encrypted(secret)));
    const auto second = import(request(KeyAlgorithm::aes_256, encrypted(secret)));
    const auto other = import(request(KeyAlgorithm::aes_256, encrypted(random_bytes(32))));
    ASSERT_TRUE(ok(first));
    ASSERT_TRUE(ok(second));
    ASSERT_TRUE(ok(other));
    EXPECT_EQ(first->key.blob, second->key.blob);
    EXPECT_NE(first->key.blob, other->key.blob);
    const auto there = operations().rewrap({first->key, {"wrap", 2}, {"bind", 1}}, soon());
    ASSERT_TRUE(ok(there));
    const auto back = operations().rewrap({*there, {"wrap", 1}, {"bind", 1}}, soon());
    ASSERT_TRUE(ok(back));
    EXPECT_EQ(back->blob, first->key.blob);
}

TEST_P(OperationsImport, EveryCiphertextThatDoesNotFitGivesTheSameError) {
    const auto good = encrypted(Bytes(16, 5));
    ASSERT_TRUE(ok(import(request(KeyAlgorithm::aes_128, good))));
    auto flipped = good;
    flipped[90] ^= 1;
    std::vector<Result<ImportedSecret>> answers;
    answers.push_back(import(request(KeyAlgorithm::aes_128, flipped)));
    answers.push_back(import(request(KeyAlgorithm::aes_128, Bytes(256, 0))));
    answers.push_back(import(request(KeyAlgorithm::aes_128, Bytes(256, 0xFF))));
    answers.push_back(import(request(KeyAlgorithm::aes_128, encrypted(Bytes(15, 5)))));
    answers.push_back(import(request(KeyAlgorithm::aes_128, encrypted(Bytes(24, 5)))));
    answers.push_back(import(request(KeyAlgorithm::aes_128, encrypted(Bytes{}))));
    answers.push_back(import(request(KeyAlgorithm::aes_128, encrypted(Bytes(16, 5), kSha1, kSha1))));
    auto label = request(KeyAlgorithm::aes_128, good);
    label.label = to_bytes("another label");
    answers.push_back(import(label));
    auto mgf1 = request(KeyAlgorithm::aes_128, good);
    mgf1.mgf1_hash = kSha1;
    answers.push_back(import(mgf1));
    for (std::size_t i = 0; i < answers.size(); ++i) {
        SCOPED_TRACE(i);
        ASSERT_EQ(code_of(answers[i]), ErrorCode::token_refused);
        EXPECT_EQ(answers[i].error().message, answers[0].error().message);
        EXPECT_TRUE(answers[i].error().detail.empty());
    }
    EXPECT_TRUE(ok(import(request(KeyAlgorithm::aes_128, good)))) << "the sessions must have survived";
}

TEST_P(OperationsImport, TheKeyThatLetsThemInDoesNothingElse) {
    const auto ciphertext = encrypted(Bytes(16, 5));
    EXPECT_EQ(code_of(operations().decrypt({kek().key, kSha256, kSha256, {}, ciphertext}, soon())),
              ErrorCode::token_refused)
        << "the secret is never given out";
    EXPECT_EQ(
        code_of(operations().sign({kek().key, SignAlgorithm::rs256, KeyUsage::sign, Bytes(32)}, soon())),
        ErrorCode::token_refused);
    const auto made =
        operations().generate_key({{"kek", 1}, KeyAlgorithm::rsa_2048, KeyUsage::unwrap, false}, soon());
    ASSERT_TRUE(ok(made)) << "also as a token key";
    auto by_token_key = request(KeyAlgorithm::aes_128,
                                openssl_oaep_encrypt(made->public_key, kSha256, kSha256, {}, Bytes(16, 5)));
    by_token_key.key = KeyId{"kek", 1};
    const auto imported = import(by_token_key);
    ASSERT_TRUE(ok(imported));
    EXPECT_EQ(imported->key.blob, import(request(KeyAlgorithm::aes_128, ciphertext))->key.blob);
    EXPECT_TRUE(ok(operations().destroy_key({"kek", 1}, soon())));
}

TEST_P(OperationsImport, AKeyThatDecryptsLetsThemInToo) {
    const auto spki = operations().find_key({"decrypt", 1}, soon())->public_key;
    auto wanted =
        request(KeyAlgorithm::aes_128, openssl_oaep_encrypt(spki, kSha256, kSha1, {}, Bytes(16, 9)));
    wanted.key = KeyId{"decrypt", 1};
    wanted.mgf1_hash = kSha1;
    EXPECT_TRUE(ok(import(wanted)));
    wanted.key = KeyId{"rsa-3072", 1};
    EXPECT_EQ(code_of(import(wanted)), ErrorCode::token_refused) << "a key that signs";
}

TEST_P(OperationsImport, AreForPaymentAndWithinBounds) {
    const auto good = request(KeyAlgorithm::aes_128, encrypted(Bytes(16, 5)));
    const auto refused = [&](const std::function<void(ImportSecretRequest&)>& change) {
        auto wanted = good;
        change(wanted);
        return code_of(import(wanted));
    };
    EXPECT_EQ(refused([](auto& r) {
                  r.binding.algorithm = KeyAlgorithm::hmac_256;
                  r.binding.usages = KeyUsage::mac;
              }),
              ErrorCode::invalid_argument);
    EXPECT_EQ(refused([](auto& r) {
                  r.binding.algorithm = KeyAlgorithm::rsa_2048;
                  r.binding.usages = KeyUsage::sign;
              }),
              ErrorCode::invalid_argument);
    EXPECT_EQ(refused([](auto& r) { r.binding.owner.clear(); }), ErrorCode::invalid_argument);
    EXPECT_EQ(refused([](auto& r) { r.oaep_hash = HashAlgorithm::sha512; }), ErrorCode::invalid_argument);
    EXPECT_EQ(refused([](auto& r) { r.label = Bytes(1025); }), ErrorCode::too_large);
    EXPECT_EQ(refused([](auto& r) { r.ciphertext.pop_back(); }), ErrorCode::invalid_argument);
    EXPECT_EQ(refused([](auto& r) { r.wrapping_key = {"seal", 1}; }), ErrorCode::token_refused);
    EXPECT_EQ(refused([](auto& r) { r.binding_key = {"wrap", 1}; }), ErrorCode::token_refused);
    EXPECT_EQ(refused([](auto& r) { r.wrapping_key = {"wrap", 9}; }), ErrorCode::not_found);
    const auto made = operations().generate_wrapped(
        {{"wrap", 1},
         {"bind", 1},
         {"mpoc:1", "mpoc.payment", 7, 1, KeyAlgorithm::aes_256, KeyUsage::payment}},
        soon());
    EXPECT_EQ(code_of(made), ErrorCode::invalid_argument) << "payment keys are never made here";
    EXPECT_EQ(code_of(operations().generate_key(
                  {{"payment", 1}, KeyAlgorithm::aes_256, KeyUsage::payment, false}, soon())),
              ErrorCode::invalid_argument);
}

TEST_P(OperationsImport, AKeyPairInClearIsWholeAndNewEachTime) {
    for (const auto algorithm : {KeyAlgorithm::rsa_2048, KeyAlgorithm::rsa_3072}) {
        const auto before = operations().status(soon())->keys;
        auto pair = operations().generate_clear({algorithm}, soon());
        ASSERT_TRUE(ok(pair));
        const auto* at = pair->private_key.data();
        EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pair->private_key.size()));
        ASSERT_NE(key, nullptr);
        EXPECT_EQ(at, pair->private_key.data() + pair->private_key.size()) << "and nothing after it";
        EXPECT_EQ(EVP_PKEY_get_bits(key), algorithm == KeyAlgorithm::rsa_2048 ? 2048 : 3072);
        auto* const context = EVP_PKEY_CTX_new(key, nullptr);
        EXPECT_EQ(EVP_PKEY_check(context), 1);
        EVP_PKEY_CTX_free(context);
        unsigned char* encoded = nullptr;
        const int size = i2d_PUBKEY(key, &encoded);
        EXPECT_EQ(pair->public_key, Bytes(encoded, encoded + size));
        OPENSSL_free(encoded);
        // The very bytes OpenSSL would write: DER has one encoding.
        auto* const info = EVP_PKEY2PKCS8(key);
        encoded = nullptr;
        const int private_size = i2d_PKCS8_PRIV_KEY_INFO(info, &encoded);
        EXPECT_EQ(to_bytes(pair->private_key.view()), Bytes(encoded, encoded + private_size));
        OPENSSL_free(encoded);
        PKCS8_PRIV_KEY_INFO_free(info);
        EVP_PKEY_free(key);
        EXPECT_NE(operations().generate_clear({algorithm}, soon())->public_key, pair->public_key);
        EXPECT_EQ(operations().status(soon())->keys, before);
    }
    EXPECT_EQ(code_of(operations().generate_clear({KeyAlgorithm::ec_p256}, soon())), ErrorCode::unsupported);
}

}  // namespace
}  // namespace signet::testing
