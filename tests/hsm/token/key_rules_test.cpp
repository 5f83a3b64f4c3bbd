#include "hsm/token/key_rules.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "hsm/token/key_metadata.h"
#include "hsm/token/wrapped_keys.h"

namespace signet::token {
namespace {

TEST(KeyMetadata, SurvivesTheCkaId) {
    const KeyMetadata metadata{
        KeyAlgorithm::ec_p384, KeyUsage::sign | KeyUsage::tls, 0x01020304, {9, 8, 7, 6, 5, 4}};
    const auto cka_id = encode(metadata);
    EXPECT_EQ(cka_id, (Bytes{'S', 'g', 1, 5, 0, 5, 1, 2, 3, 4, 9, 8, 7, 6, 5, 4}));
    EXPECT_EQ(decode_key_metadata(cka_id), metadata);
}

TEST(KeyMetadata, RefusesWhatWeDidNotWrite) {
    const auto good = encode({KeyAlgorithm::ec_p256, KeyUsage::sign, 1, {}});
    const auto changed = [&good](std::size_t at, std::uint8_t value) {
        auto cka_id = good;
        cka_id[at] = value;
        return decode_key_metadata(cka_id);
    };
    EXPECT_TRUE(decode_key_metadata(good));
    EXPECT_FALSE(changed(0, 's'));
    EXPECT_FALSE(changed(2, 2)) << "a later format";
    EXPECT_FALSE(changed(3, 0));
    EXPECT_FALSE(changed(3, 99));
    EXPECT_FALSE(changed(3, 7)) << "an AES key that signs";
    EXPECT_FALSE(changed(5, 0)) << "no usage";
    EXPECT_FALSE(changed(4, 0x80)) << "an unknown usage";
    EXPECT_FALSE(changed(9, 0)) << "version 0";
    EXPECT_FALSE(decode_key_metadata(ByteView(good).first(15)));
    EXPECT_FALSE(decode_key_metadata({}));
    EXPECT_TRUE(is_our_id(good));
    EXPECT_FALSE(is_our_id(Bytes(16)));
    EXPECT_TRUE(is_provisional(provisional_label({})));
    EXPECT_FALSE(check_label(provisional_label({}))) << "no key can ever be called so";
}

TEST(AllowedMechanisms, AreThoseOfTheUsages) {
    const auto softhsm = pkcs11::quirks_named("softhsm").value();
    const auto generic = pkcs11::quirks_named("generic").value();
    using Mechanisms = std::vector<CK_MECHANISM_TYPE>;
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::rsa_2048, KeyUsage::sign, softhsm),
              (Mechanisms{CKM_RSA_PKCS, CKM_RSA_PKCS_PSS}));
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::rsa_2048, KeyUsage::audit, softhsm),
              (Mechanisms{CKM_RSA_PKCS}));
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::rsa_2048, KeyUsage::decrypt, generic),
              (Mechanisms{CKM_RSA_PKCS_OAEP}));
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::rsa_2048, KeyUsage::decrypt, softhsm),
              (Mechanisms{CKM_RSA_PKCS_OAEP, CKM_RSA_X_509}));
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::ec_p256, KeyUsage::sign, softhsm), (Mechanisms{CKM_ECDSA}));
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::ed25519, KeyUsage::sign, softhsm), (Mechanisms{CKM_EDDSA}));
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::aes_256, KeyUsage::wrap, softhsm),
              (Mechanisms{CKM_AES_KEY_WRAP_PAD}));
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::aes_256, KeyUsage::seal, softhsm), (Mechanisms{CKM_AES_GCM}));
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::hmac_256, KeyUsage::mac, softhsm),
              (Mechanisms{CKM_SHA256_HMAC}));
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::hmac_512, KeyUsage::mac, softhsm),
              (Mechanisms{CKM_SHA256_HMAC, CKM_SHA384_HMAC, CKM_SHA512_HMAC}));
    EXPECT_EQ(allowed_mechanisms(KeyAlgorithm::hmac_512, KeyUsage::bind, softhsm),
              (Mechanisms{CKM_SHA256_HMAC}));
}

TEST(BindingMessage, DiffersInEveryField) {
    const WrappedKey key{{"wrap", 1},
                         {"bind", 1},
                         {"owner", "class", 1, 1, KeyAlgorithm::hmac_256, KeyUsage::mac},
                         Bytes{1, 2},
                         {}};
    std::vector<Bytes> messages{binding_message(key)};
    const auto add = [&](auto change) {
        auto changed = key;
        change(changed);
        messages.push_back(binding_message(changed));
    };
    add([](WrappedKey& k) { k.wrapping_key.label = "wrap2"; });
    add([](WrappedKey& k) { k.wrapping_key.version = 2; });
    add([](WrappedKey& k) { k.binding_key.label = "bind2"; });
    add([](WrappedKey& k) { k.binding_key.version = 2; });
    add([](WrappedKey& k) {
        k.binding.owner = "owne";
        k.binding.key_class = "rclass";
    });
    add([](WrappedKey& k) { k.binding.index = 2; });
    add([](WrappedKey& k) { k.binding.version = 2; });
    add([](WrappedKey& k) { k.binding.algorithm = KeyAlgorithm::hmac_512; });
    add([](WrappedKey& k) { k.binding.usages = KeyUsage::sign; });
    add([](WrappedKey& k) { k.blob.push_back(0); });
    std::ranges::sort(messages);
    EXPECT_EQ(std::ranges::adjacent_find(messages), messages.end());
}

}  // namespace
}  // namespace signet::token
