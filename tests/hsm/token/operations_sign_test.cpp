// Signatures, MACs, decryption and sealing, compared with OpenSSL.
#include <gtest/gtest.h>

#include <optional>

#include "base/random.h"
#include "tests/hsm/token/golden_vectors.h"
#include "tests/hsm/token/openssl_reference.h"
#include "tests/hsm/token/token_under_test.h"
#include "tests/support/ignore_leaks.h"

namespace signet::testing {
namespace {

class OperationsSign : public TokenSuite {
  protected:
    // SoftHSM leaks the curve's name at each Ed25519 signature.
    Result<Bytes> sign(const KeyId& id, SignAlgorithm algorithm, Bytes to_sign) {
        std::optional<IgnoreLeaks> ignore;
        if (algorithm == SignAlgorithm::eddsa) ignore.emplace();
        return operations().sign({id, algorithm, KeyUsage::sign, std::move(to_sign)}, soon());
    }
    Bytes input(SignAlgorithm algorithm, ByteView message) {
        const auto hash = hash_of(algorithm);
        return hash ? digest(*hash, message) : to_bytes(message);
    }
    Bytes public_key(const KeyId& id) { return operations().find_key(id, soon()).value().public_key; }
};
SIGNET_TOKEN_SUITE(OperationsSign);

TEST_P(OperationsSign, EveryAlgorithmVerifiesWithOpenssl) {
    struct Case {
        const char* key;
        SignAlgorithm algorithm;
    };
    const auto message = random_bytes(1000);
    for (const auto& [label, algorithm] :
         {Case{"rsa-2048", SignAlgorithm::rs256}, Case{"rsa-2048", SignAlgorithm::rs384},
          Case{"rsa-2048", SignAlgorithm::rs512}, Case{"rsa-2048", SignAlgorithm::ps256},
          Case{"rsa-2048", SignAlgorithm::ps384}, Case{"rsa-2048", SignAlgorithm::ps512},
          Case{"rsa-3072", SignAlgorithm::rs256}, Case{"rsa-3072", SignAlgorithm::ps512},
          Case{"ec-p256", SignAlgorithm::es256}, Case{"ec-p384", SignAlgorithm::es384},
          Case{"ed25519", SignAlgorithm::eddsa}}) {
        if (algorithm == SignAlgorithm::eddsa && !token().eddsa) continue;
        SCOPED_TRACE(std::string(label) + " " + std::string(to_string(algorithm)));
        const KeyId id{label, 1};
        auto signature = sign(id, algorithm, input(algorithm, message));
        ASSERT_TRUE(ok(signature));
        EXPECT_TRUE(openssl_verifies(public_key(id), algorithm, message, *signature));
        (*signature)[signature->size() / 2] ^= 1;
        EXPECT_FALSE(openssl_verifies(public_key(id), algorithm, message, *signature));
    }
}

TEST_P(OperationsSign, Ed25519SignsWithSoftHsmAndIsRefusedClearlyBySoftokn) {
    if (token().eddsa) {
        EXPECT_TRUE(ok(sign({"ed25519", 1}, SignAlgorithm::eddsa, {})));
        return;
    }
    const auto made =
        operations().generate_key({{"ed25519", 1}, KeyAlgorithm::ed25519, KeyUsage::sign, false}, soon());
    EXPECT_EQ(code_of(made), ErrorCode::unsupported);
}

TEST_P(OperationsSign, RsaSignaturesAreThoseOfTheOpensslCommand) {
    const auto& vectors = golden_vectors();
    for (const auto algorithm : {SignAlgorithm::rs256, SignAlgorithm::rs384, SignAlgorithm::rs512}) {
        const auto hash = hash_of(algorithm).value();
        const auto signature = operations().sign(
            {KeyId{"golden.rsa", 1}, algorithm, KeyUsage::sign, digest(hash, vectors.at("message"))}, soon());
        ASSERT_TRUE(ok(signature));
        EXPECT_EQ(*signature, vectors.at("rs" + std::to_string(hash_size(hash) * 8)));
    }
}

TEST_P(OperationsSign, BatchesSignEachInput) {
    std::vector<Bytes> inputs;
    std::vector<Bytes> messages;
    for (int i = 0; i < 50; ++i) {
        messages.push_back(random_bytes(20));
        inputs.push_back(digest(HashAlgorithm::sha256, messages.back()));
    }
    const KeyId id{"ec-p256", 1};
    const auto signatures =
        operations().sign_batch({id, SignAlgorithm::es256, KeyUsage::sign, inputs}, soon());
    ASSERT_TRUE(ok(signatures));
    ASSERT_EQ(signatures->size(), inputs.size());
    for (std::size_t i = 0; i < messages.size(); ++i) {
        EXPECT_TRUE(openssl_verifies(public_key(id), SignAlgorithm::es256, messages[i], (*signatures)[i]));
    }
    EXPECT_EQ(code_of(operations().sign_batch({id, SignAlgorithm::es256, KeyUsage::sign, {}}, soon())),
              ErrorCode::invalid_argument);
    inputs.resize(1001, inputs[0]);
    EXPECT_EQ(code_of(operations().sign_batch({id, SignAlgorithm::es256, KeyUsage::sign, inputs}, soon())),
              ErrorCode::invalid_argument);
}

TEST_P(OperationsSign, RefusesInputsOfAnotherSize) {
    for (const std::size_t size : {0U, 20U, 31U, 33U, 48U}) {
        EXPECT_EQ(code_of(operations().sign(
                      {KeyId{"ec-p256", 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(size)}, soon())),
                  ErrorCode::invalid_argument);
    }
    if (token().eddsa) {
        EXPECT_EQ(
            code_of(operations().sign(
                {KeyId{"ed25519", 1}, SignAlgorithm::eddsa, KeyUsage::sign, Bytes((1 << 20) + 1)}, soon())),
            ErrorCode::too_large);
    }
}

TEST_P(OperationsSign, MacsAreThoseOfTheOpensslCommand) {
    const auto& vectors = golden_vectors();
    for (const auto algorithm : {MacAlgorithm::hs256, MacAlgorithm::hs384, MacAlgorithm::hs512}) {
        const MacRequest request{KeyId{"golden.mac", 1}, algorithm, vectors.at("message")};
        auto mac = operations().mac(request, soon());
        ASSERT_TRUE(ok(mac));
        EXPECT_EQ(*mac, vectors.at("hs" + std::to_string(mac->size() * 8)));
        EXPECT_TRUE(operations().mac_verify(request, *mac, soon()).value());
        (*mac)[0] ^= 0x80;
        EXPECT_FALSE(operations().mac_verify(request, *mac, soon()).value());
        mac->resize(8);
        EXPECT_FALSE(operations().mac_verify(request, *mac, soon()).value());
        EXPECT_FALSE(operations().mac_verify(request, {}, soon()).value());
    }
}

TEST_P(OperationsSign, MacKeysAreAsLongAsTheHash) {
    struct Case {
        const char* key;
        MacAlgorithm algorithm;
        bool allowed;
    };
    for (const auto& [key, algorithm, allowed] :
         {Case{"hmac-256", MacAlgorithm::hs256, true}, Case{"hmac-256", MacAlgorithm::hs384, false},
          Case{"hmac-384", MacAlgorithm::hs384, true}, Case{"hmac-384", MacAlgorithm::hs512, false},
          Case{"hmac-512", MacAlgorithm::hs512, true}, Case{"hmac-512", MacAlgorithm::hs256, true}}) {
        const auto mac = operations().mac({KeyId{key, 1}, algorithm, Bytes(10)}, soon());
        EXPECT_EQ(mac.has_value(), allowed) << key;
        EXPECT_EQ(code_of(mac), allowed ? ErrorCode{} : ErrorCode::token_refused);
    }
}

TEST_P(OperationsSign, DecryptsWhatTheOpensslCommandEncrypted) {
    const auto& vectors = golden_vectors();
    struct Case {
        const char* name;
        HashAlgorithm hash;
        HashAlgorithm mgf1;
        const char* label;
    };
    for (const auto& [name, hash, mgf1, label] :
         {Case{"oaep.sha1.sha1", HashAlgorithm::sha1, HashAlgorithm::sha1, ""},
          Case{"oaep.sha256.sha256", HashAlgorithm::sha256, HashAlgorithm::sha256, ""},
          Case{"oaep.sha256.sha1", HashAlgorithm::sha256, HashAlgorithm::sha1, ""},
          Case{"oaep.sha1.sha1.label", HashAlgorithm::sha1, HashAlgorithm::sha1, "label"},
          Case{"oaep.sha256.sha256.label", HashAlgorithm::sha256, HashAlgorithm::sha256, "label"}}) {
        SCOPED_TRACE(name);
        const auto plaintext = operations().decrypt(
            {KeyId{"golden.rsa", 1}, hash, mgf1, to_bytes(label), vectors.at(name)}, soon());
        ASSERT_TRUE(ok(plaintext));
        EXPECT_EQ(to_bytes(plaintext->view()), vectors.at("message"));
    }
}

TEST_P(OperationsSign, EveryCiphertextThatDoesNotDecryptGivesTheSameError) {
    const KeyId id{"rsa-2048", 1};
    for (const auto hash : {HashAlgorithm::sha1, HashAlgorithm::sha256}) {
        const auto good = openssl_oaep_encrypt(public_key(id), hash, hash, {}, to_bytes("secret"));
        ASSERT_TRUE(ok(operations().decrypt({id, hash, hash, {}, good}, soon())));
        auto flipped = good;
        flipped[100] ^= 1;
        const auto other = hash == HashAlgorithm::sha1 ? HashAlgorithm::sha256 : HashAlgorithm::sha1;
        std::vector<Result<Secret>> answers;
        answers.push_back(operations().decrypt({id, hash, hash, {}, flipped}, soon()));
        answers.push_back(operations().decrypt({id, other, other, {}, good}, soon()));
        answers.push_back(operations().decrypt({id, hash, hash, to_bytes("another label"), good}, soon()));
        answers.push_back(operations().decrypt({id, hash, hash, {}, Bytes(256, 0)}, soon()));
        answers.push_back(operations().decrypt({id, hash, hash, {}, Bytes(256, 0xFF)}, soon()));
        for (const auto& answer : answers) {
            ASSERT_EQ(code_of(answer), ErrorCode::token_refused) << answer.error().detail;
            EXPECT_EQ(answer.error().message, answers[0].error().message);
            EXPECT_TRUE(answer.error().detail.empty());
        }
        EXPECT_TRUE(ok(operations().decrypt({id, hash, hash, {}, good}, soon())))
            << "the sessions must have survived";
    }
    EXPECT_EQ(
        code_of(operations().decrypt({id, HashAlgorithm::sha1, HashAlgorithm::sha1, {}, Bytes(255)}, soon())),
        ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(operations().decrypt({id, HashAlgorithm::sha512, HashAlgorithm::sha1, {}, Bytes(256)},
                                           soon())),
              ErrorCode::invalid_argument);
}

TEST_P(OperationsSign, SealsAndUnseals) {
    const Bytes associated_data = to_bytes("who");
    for (const std::size_t size : {0U, 1U, 100U, 65536U}) {
        const auto plaintext = random_bytes(size);
        const auto sealed = operations().seal({{"seal", 1}, associated_data, plaintext}, soon());
        ASSERT_TRUE(ok(sealed));
        EXPECT_EQ(sealed->size(), size + 28);
        const auto opened = operations().unseal({{"seal", 1}, associated_data, *sealed}, soon());
        ASSERT_TRUE(ok(opened));
        EXPECT_EQ(to_bytes(opened->view()), plaintext);
        for (const std::size_t at : {std::size_t{0}, sealed->size() / 2, sealed->size() - 1}) {
            auto altered = *sealed;
            altered[at] ^= 1;
            EXPECT_EQ(code_of(operations().unseal({{"seal", 1}, associated_data, altered}, soon())),
                      ErrorCode::token_refused);
        }
        EXPECT_EQ(code_of(operations().unseal({{"seal", 1}, to_bytes("you"), *sealed}, soon())),
                  ErrorCode::token_refused);
        EXPECT_EQ(code_of(operations().unseal({{"golden.seal", 1}, associated_data, *sealed}, soon())),
                  ErrorCode::token_refused);
    }
    const auto twice = operations().seal({{"seal", 1}, {}, associated_data}, soon());
    EXPECT_NE(*twice, *operations().seal({{"seal", 1}, {}, associated_data}, soon()))
        << "a nonce must never come twice";
    EXPECT_EQ(code_of(operations().seal({{"seal", 1}, {}, Bytes(65537)}, soon())), ErrorCode::too_large);
    EXPECT_EQ(code_of(operations().seal({{"seal", 1}, Bytes(1025), {}}, soon())), ErrorCode::too_large);
    EXPECT_EQ(code_of(operations().unseal({{"seal", 1}, {}, Bytes(27)}, soon())),
              ErrorCode::invalid_argument);
}

TEST_P(OperationsSign, UnsealsWhatOpensslSealed) {
    const ByteView key = golden_vectors().at("hmac.key");
    const auto sealed = openssl_gcm_seal(key.first(32), Bytes(12, 0x24), to_bytes("who"), to_bytes("what"));
    const auto opened = operations().unseal({{"golden.seal", 1}, to_bytes("who"), sealed}, soon());
    ASSERT_TRUE(ok(opened));
    EXPECT_EQ(opened->text(), "what");
}

TEST_P(OperationsSign, RandomNumbersAreBoundedAndDiffer) {
    EXPECT_EQ(operations().random(4096, soon())->size(), 4096U);
    EXPECT_NE(*operations().random(32, soon()), *operations().random(32, soon()));
    EXPECT_EQ(code_of(operations().random(0, soon())), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(operations().random(4097, soon())), ErrorCode::invalid_argument);
}

TEST_P(OperationsSign, AsksNothingOfTheTokenWhenTheTimeIsOver) {
    const Deadline over{std::chrono::steady_clock::now()};
    EXPECT_EQ(code_of(operations().sign(
                  {KeyId{"ec-p256", 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32)}, over)),
              ErrorCode::deadline_exceeded);
    EXPECT_EQ(
        code_of(operations().generate_key({{"late", 1}, KeyAlgorithm::ec_p256, KeyUsage::sign, false}, over)),
        ErrorCode::deadline_exceeded);
    EXPECT_EQ(code_of(operations().find_key({"late", 1}, soon())), ErrorCode::not_found);
}

}  // namespace
}  // namespace signet::testing
