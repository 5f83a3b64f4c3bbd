// Keys that live outside the token as blobs.
#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"
#include "tests/hsm/token/openssl_reference.h"
#include "tests/hsm/token/token_under_test.h"
#include "tests/support/ignore_leaks.h"

namespace signet::testing {
namespace {

class OperationsWrapped : public TokenSuite {
  protected:
    Result<GeneratedWrappedKey> make(KeyAlgorithm algorithm, KeyUsages usages,
                                     std::string owner = "paycontrol:1:7") {
        return operations().generate_wrapped(
            {{"wrap", 1}, {"bind", 1}, {std::move(owner), "paycontrol.user.k1", 1, 1, algorithm, usages}},
            soon());
    }
    Result<Bytes> mac(const WrappedKey& key) {
        return operations().mac({key, MacAlgorithm::hs256, Bytes(9, 1)}, soon());
    }
};
SIGNET_TOKEN_SUITE(OperationsWrapped);

TEST_P(OperationsWrapped, SignAsTheirPublicKeySays) {
    const auto message = random_bytes(100);
    for (const auto algorithm : {KeyAlgorithm::rsa_2048, KeyAlgorithm::ec_p256, KeyAlgorithm::ec_p384}) {
        SCOPED_TRACE(to_string(algorithm));
        const auto made = make(algorithm, KeyUsage::sign);
        ASSERT_TRUE(ok(made));
        const auto sign_algorithm = default_sign_algorithm(algorithm).value();
        const auto input = digest(hash_of(sign_algorithm).value(), message);
        const auto signature = operations().sign({made->key, sign_algorithm, KeyUsage::sign, input}, soon());
        ASSERT_TRUE(ok(signature));
        EXPECT_TRUE(openssl_verifies(made->public_key, sign_algorithm, message, *signature));
        EXPECT_EQ(code_of(operations().sign({made->key, sign_algorithm, KeyUsage::certify, input}, soon())),
                  ErrorCode::token_refused);
    }
}

TEST_P(OperationsWrapped, MacAndDecryptLikeTokenKeys) {
    struct Case {
        KeyAlgorithm algorithm;
        MacAlgorithm mac_algorithm;
    };
    for (const auto& [algorithm, mac_algorithm] : {Case{KeyAlgorithm::hmac_256, MacAlgorithm::hs256},
                                                   Case{KeyAlgorithm::hmac_384, MacAlgorithm::hs384},
                                                   Case{KeyAlgorithm::hmac_512, MacAlgorithm::hs512}}) {
        SCOPED_TRACE(to_string(algorithm));
        const auto made = make(algorithm, KeyUsage::mac);
        ASSERT_TRUE(ok(made));
        const MacRequest request{made->key, mac_algorithm, to_bytes("data")};
        auto mac = operations().mac(request, soon());
        ASSERT_TRUE(ok(mac));
        EXPECT_TRUE(operations().mac_verify(request, *mac, soon()).value());
        (*mac)[3] ^= 1;
        EXPECT_FALSE(operations().mac_verify(request, *mac, soon()).value());
        EXPECT_FALSE(operations().mac_verify(request, {}, soon()).value());
    }
    for (const auto algorithm : {KeyAlgorithm::rsa_2048, KeyAlgorithm::rsa_3072}) {
        SCOPED_TRACE(to_string(algorithm));
        const auto made = make(algorithm, KeyUsage::decrypt);
        ASSERT_TRUE(ok(made));
        for (const auto hash : {HashAlgorithm::sha1, HashAlgorithm::sha256}) {
            auto ciphertext = openssl_oaep_encrypt(made->public_key, hash, hash, {}, to_bytes("secret"));
            const auto plaintext = operations().decrypt({made->key, hash, hash, {}, ciphertext}, soon());
            ASSERT_TRUE(ok(plaintext));
            EXPECT_EQ(plaintext->text(), "secret");
            ciphertext[9] ^= 1;
            EXPECT_EQ(code_of(operations().decrypt({made->key, hash, hash, {}, ciphertext}, soon())),
                      ErrorCode::token_refused);
        }
        const auto signing =
            operations().sign({made->key, SignAlgorithm::rs256, KeyUsage::sign, Bytes(32)}, soon());
        EXPECT_EQ(code_of(signing), ErrorCode::token_refused);
    }
}

TEST_P(OperationsWrapped, SignInBatchesAndByEveryRsaAlgorithm) {
    const auto made = make(KeyAlgorithm::rsa_2048, KeyUsage::sign);
    ASSERT_TRUE(ok(made));
    const auto message = to_bytes("in a batch");
    for (const auto algorithm :
         {SignAlgorithm::rs256, SignAlgorithm::rs512, SignAlgorithm::ps256, SignAlgorithm::ps384}) {
        const auto input = digest(hash_of(algorithm).value(), message);
        const auto signatures =
            operations().sign_batch({made->key, algorithm, KeyUsage::sign, {input, input}}, soon());
        ASSERT_TRUE(ok(signatures));
        ASSERT_EQ(signatures->size(), 2U);
        for (const auto& signature : *signatures)
            EXPECT_TRUE(openssl_verifies(made->public_key, algorithm, message, signature));
    }
}

TEST_P(OperationsWrapped, Ed25519KeysAreRefusedClearlyWhereTheTokenDoesNotWrapThem) {
    const IgnoreLeaks softhsm_leaks_the_curves_name;
    EXPECT_EQ(code_of(make(KeyAlgorithm::ed25519, KeyUsage::sign)), ErrorCode::unsupported);
}

TEST_P(OperationsWrapped, KeepTheirValue) {
    const auto made = make(KeyAlgorithm::hmac_256, KeyUsage::mac);
    ASSERT_TRUE(ok(made));
    EXPECT_TRUE(made->public_key.empty());
    const auto first = mac(made->key);
    ASSERT_TRUE(ok(first));
    ASSERT_TRUE(ok(operations().forget_key({"wrap", 1}, soon())));
    EXPECT_EQ(*mac(made->key), *first) << "unwrapped anew";
    const auto other = make(KeyAlgorithm::hmac_256, KeyUsage::mac);
    EXPECT_NE(*mac(other->key), *first);
}

TEST_P(OperationsWrapped, OpenForNobodyElse) {
    const auto made = make(KeyAlgorithm::hmac_256, KeyUsage::mac);
    const auto other = make(KeyAlgorithm::hmac_256, KeyUsage::mac, "paycontrol:1:8");
    ASSERT_TRUE(ok(made));
    ASSERT_TRUE(ok(other));
    ASSERT_TRUE(ok(mac(made->key)));
    const std::vector<std::pair<const char*, std::function<void(WrappedKey&)>>> changes{
        {"owner", [](WrappedKey& key) { key.binding.owner = "paycontrol:1:8"; }},
        {"class", [](WrappedKey& key) { key.binding.key_class = "paycontrol.user.k2"; }},
        {"owner and class swapped",
         [](WrappedKey& key) { std::swap(key.binding.owner, key.binding.key_class); }},
        {"index", [](WrappedKey& key) { key.binding.index = 2; }},
        {"version", [](WrappedKey& key) { key.binding.version = 2; }},
        {"algorithm", [](WrappedKey& key) { key.binding.algorithm = KeyAlgorithm::hmac_512; }},
        {"wrapping key", [](WrappedKey& key) { key.wrapping_key.version = 2; }},
        {"blob", [](WrappedKey& key) { key.blob[8] ^= 1; }},
        {"another's blob", [&](WrappedKey& key) { key.blob = other->key.blob; }},
        {"another's blob and MAC",
         [&](WrappedKey& key) {
             key.blob = other->key.blob;
             key.mac = other->key.mac;
         }},
        {"MAC", [](WrappedKey& key) { key.mac[31] ^= 1; }},
    };
    for (const auto& [what, change] : changes) {
        auto altered = made->key;
        change(altered);
        EXPECT_EQ(code_of(mac(altered)), ErrorCode::token_refused) << what;
        EXPECT_EQ(code_of(operations().rewrap({altered, {"wrap", 2}, {"bind", 1}}, soon())),
                  ErrorCode::token_refused)
            << what;
    }
    auto usages = made->key;
    usages.binding.usages = KeyUsage::bind;
    EXPECT_EQ(code_of(mac(usages)), ErrorCode::invalid_argument) << "no wrapped key ever binds";
    auto short_mac = made->key;
    short_mac.mac.resize(31);
    EXPECT_EQ(code_of(mac(short_mac)), ErrorCode::invalid_argument);
    auto empty = made->key;
    empty.blob.clear();
    EXPECT_EQ(code_of(mac(empty)), ErrorCode::invalid_argument);
    EXPECT_TRUE(ok(mac(made->key)));
}

TEST_P(OperationsWrapped, MoveToAnotherWrappingKey) {
    const auto made = make(KeyAlgorithm::hmac_256, KeyUsage::mac);
    ASSERT_TRUE(ok(made));
    const auto before = mac(made->key);
    const auto moved = operations().rewrap({made->key, {"wrap", 2}, {"bind", 1}}, soon());
    ASSERT_TRUE(ok(moved));
    EXPECT_EQ(moved->wrapping_key, (KeyId{"wrap", 2}));
    EXPECT_EQ(moved->binding, made->key.binding);
    EXPECT_NE(moved->blob, made->key.blob);
    EXPECT_EQ(*mac(*moved), *before);
    EXPECT_EQ(code_of(operations().rewrap({made->key, {"seal", 1}, {"bind", 1}}, soon())),
              ErrorCode::token_refused);
    EXPECT_EQ(code_of(operations().rewrap({made->key, {"wrap", 9}, {"bind", 1}}, soon())),
              ErrorCode::not_found);

    const auto signing = make(KeyAlgorithm::ec_p256, KeyUsage::sign);
    const auto signing_moved = operations().rewrap({signing->key, {"wrap", 2}, {"bind", 1}}, soon());
    ASSERT_TRUE(ok(signing_moved));
    const auto message = to_bytes("moved");
    const auto signature = operations().sign(
        {*signing_moved, SignAlgorithm::es256, KeyUsage::sign, digest(HashAlgorithm::sha256, message)},
        soon());
    ASSERT_TRUE(ok(signature));
    EXPECT_TRUE(openssl_verifies(signing->public_key, SignAlgorithm::es256, message, *signature));
}

TEST_P(OperationsWrapped, StayLiveUpToTheLimit) {
    ASSERT_TRUE(ok(operations().forget_key({"wrap", 1}, soon())));
    ASSERT_TRUE(ok(operations().forget_key({"wrap", 2}, soon())));
    EXPECT_EQ(operations().status(soon())->live_wrapped_keys, 0U);
    std::vector<WrappedKey> keys;
    std::vector<Bytes> macs;
    for (int i = 0; i < 10; ++i) {
        keys.push_back(make(KeyAlgorithm::hmac_256, KeyUsage::mac).value().key);
        macs.push_back(mac(keys.back()).value());
        EXPECT_LE(operations().status(soon())->live_wrapped_keys, 4U);
    }
    EXPECT_EQ(operations().status(soon())->live_wrapped_keys, 4U);
    for (std::size_t i = 0; i < keys.size(); ++i)
        EXPECT_EQ(*mac(keys[i]), macs[i]);
    ASSERT_TRUE(ok(operations().forget_key({"bind", 1}, soon())));
    EXPECT_EQ(operations().status(soon())->live_wrapped_keys, 0U);
}

TEST_P(OperationsWrapped, HaveOwnersClassesAndUsagesWithinBounds) {
    const auto attempt = [this](KeyBinding binding) {
        return code_of(operations().generate_wrapped({{"wrap", 1}, {"bind", 1}, std::move(binding)}, soon()));
    };
    const KeyBinding good{"owner", "class", 0, 1, KeyAlgorithm::hmac_256, KeyUsage::mac};
    EXPECT_EQ(attempt(good), ErrorCode{});
    for (const auto& change : std::vector<std::function<void(KeyBinding&)>>{
             [](KeyBinding& binding) { binding.owner.clear(); },
             [](KeyBinding& binding) { binding.owner = std::string(513, 'x'); },
             [](KeyBinding& binding) { binding.key_class.clear(); },
             [](KeyBinding& binding) { binding.key_class = std::string(65, 'x'); },
             [](KeyBinding& binding) { binding.usages = KeyUsage::bind; },
             [](KeyBinding& binding) { binding.usages = KeyUsage::sign; },
             [](KeyBinding& binding) { binding.usages = {}; },
             [](KeyBinding& binding) {
                 binding.algorithm = KeyAlgorithm::aes_256;
                 binding.usages = KeyUsage::wrap;
             },
             [](KeyBinding& binding) {
                 binding.algorithm = KeyAlgorithm::ec_p256;
                 binding.usages = KeyUsage::audit;
             },
         }) {
        auto binding = good;
        change(binding);
        EXPECT_EQ(attempt(binding), ErrorCode::invalid_argument);
    }
    EXPECT_EQ(code_of(operations().generate_wrapped({{"wrap", 9}, {"bind", 1}, good}, soon())),
              ErrorCode::not_found);
    EXPECT_EQ(code_of(operations().generate_wrapped({{"wrap", 1}, {"bind", 9}, good}, soon())),
              ErrorCode::not_found);
}

}  // namespace
}  // namespace signet::testing
