// Keys into a backup and out of it, from each token into itself and into the other one.
#include <gtest/gtest.h>

#include "base/random.h"
#include "hsm/custody/share_set.h"
#include "tests/hsm/token/openssl_reference.h"
#include "tests/hsm/token/token_under_test.h"
#include "tests/support/ignore_leaks.h"

namespace signet::testing {
namespace {

class OperationsBackup : public TokenSuite {
  protected:
    void SetUp() override {
        TokenSuite::SetUp();
        if (IsSkipped()) return;
        ASSERT_TRUE(ok(operations().set_backup_key(key)));
    }
    void TearDown() override {
        if (!IsSkipped()) (void)operations().set_backup_key(Secret());
    }
    Result<BackedUpKey> backed_up(const std::string& label, KeyAlgorithm algorithm, KeyUsages usages) {
        SIGNET_TRY(operations().generate_key({{label, 1}, algorithm, usages, true}, soon()));
        return operations().wrap_for_backup({label, 1}, soon());
    }
    token::TokenOperations* other() {
        auto* const token =
            token_under_test(GetParam() == TokenKind::softhsm ? TokenKind::nss : TokenKind::softhsm);
        return token == nullptr ? nullptr : token->operations.get();
    }
    static void expect_signs(token::TokenOperations& token, const KeyInfo& info, const Bytes& public_key) {
        const auto algorithm = default_sign_algorithm(info.algorithm).value();
        const auto message = random_bytes(50);
        const auto signature = token.sign(
            {info.id, algorithm, KeyUsage::sign, digest(hash_of(algorithm).value(), message)}, soon());
        ASSERT_TRUE(ok(signature));
        EXPECT_TRUE(openssl_verifies(public_key, algorithm, message, *signature));
    }

    Secret key = custody::new_key();
};
SIGNET_TOKEN_SUITE(OperationsBackup);

TEST_P(OperationsBackup, AKeyThatWasDestroyedComesBackAsItWas) {
    int number = 0;
    for (const auto algorithm : {KeyAlgorithm::rsa_2048, KeyAlgorithm::ec_p256, KeyAlgorithm::ec_p384}) {
        SCOPED_TRACE(to_string(algorithm));
        const auto made = backed_up("backup.pair" + std::to_string(++number), algorithm, KeyUsage::sign);
        ASSERT_TRUE(ok(made));
        EXPECT_EQ(code_of(operations().restore_key(*made, soon())), ErrorCode::already_exists);
        ASSERT_TRUE(ok(operations().destroy_key(made->key.id, soon())));
        const auto restored = operations().restore_key(*made, soon());
        ASSERT_TRUE(ok(restored));
        EXPECT_EQ(restored->id, made->key.id);
        EXPECT_EQ(restored->usages, made->key.usages);
        EXPECT_EQ(restored->public_key, made->key.public_key);
        EXPECT_TRUE(restored->attributes.sensitive);
        EXPECT_FALSE(restored->attributes.local) << "the token did not make it";
        expect_signs(operations(), *restored, made->key.public_key);
        EXPECT_EQ(code_of(operations().sign(
                      {restored->id, default_sign_algorithm(algorithm).value(), KeyUsage::certify,
                       Bytes(algorithm == KeyAlgorithm::ec_p384 ? 48 : 32)},
                      soon())),
                  ErrorCode::token_refused)
            << "its usages came back with it";
    }
}

TEST_P(OperationsBackup, SecretKeysKeepTheirValue) {
    const auto made = backed_up("backup.mac", KeyAlgorithm::hmac_256, KeyUsage::mac);
    ASSERT_TRUE(ok(made));
    const MacRequest request{made->key.id, MacAlgorithm::hs256, Bytes(9, 1)};
    const auto before = operations().mac(request, soon());
    ASSERT_TRUE(ok(before));
    ASSERT_TRUE(ok(operations().destroy_key(made->key.id, soon())));
    ASSERT_TRUE(ok(operations().restore_key(*made, soon())));
    EXPECT_EQ(*operations().mac(request, soon()), *before);

    const auto seal = backed_up("backup.seal", KeyAlgorithm::aes_256, KeyUsage::seal);
    ASSERT_TRUE(ok(seal));
    const auto text = Bytes(20, 7);
    const auto sealed = operations().seal({seal->key.id, {}, text}, soon());
    ASSERT_TRUE(ok(sealed));
    ASSERT_TRUE(ok(operations().destroy_key(seal->key.id, soon())));
    ASSERT_TRUE(ok(operations().restore_key(*seal, soon())));
    const auto opened = operations().unseal({seal->key.id, {}, *sealed}, soon());
    ASSERT_TRUE(ok(opened));
    EXPECT_TRUE(std::ranges::equal(opened->view(), text));
}

// A token replacement: the other implementation takes the keys over.
TEST_P(OperationsBackup, TheOtherTokenTakesThemOver) {
    auto* const second = other();
    if (second == nullptr) GTEST_SKIP() << "there is no second token";
    ASSERT_TRUE(ok(second->set_backup_key(key)));
    const auto rsa = backed_up("backup.moves.rsa", KeyAlgorithm::rsa_2048, KeyUsage::sign);
    const auto mac = backed_up("backup.moves.mac", KeyAlgorithm::hmac_256, KeyUsage::mac);
    const auto ec = backed_up("backup.moves.ec", KeyAlgorithm::ec_p256, KeyUsage::sign);
    ASSERT_TRUE(ok(rsa));
    ASSERT_TRUE(ok(mac));
    ASSERT_TRUE(ok(ec));
    for (const auto& one : {*rsa, *mac, *ec})
        (void)second->destroy_key(one.key.id, soon());
    const auto moved_rsa = second->restore_key(*rsa, soon());
    ASSERT_TRUE(ok(moved_rsa));
    expect_signs(*second, *moved_rsa, rsa->key.public_key);
    const auto moved_ec = second->restore_key(*ec, soon());
    ASSERT_TRUE(ok(moved_ec));
    expect_signs(*second, *moved_ec, ec->key.public_key);
    ASSERT_TRUE(ok(second->restore_key(*mac, soon())));
    const MacRequest request{mac->key.id, MacAlgorithm::hs256, Bytes(9, 1)};
    EXPECT_EQ(*second->mac(request, soon()), *operations().mac(request, soon()));
    for (const auto& one : {*rsa, *mac, *ec})
        EXPECT_TRUE(ok(second->destroy_key(one.key.id, soon())));
    (void)second->set_backup_key(Secret());
}

TEST_P(OperationsBackup, OnlyKeysThatWereMadeForItLeave) {
    EXPECT_EQ(code_of(operations().wrap_for_backup({"ec-p256", 1}, soon())), ErrorCode::token_refused);
    EXPECT_EQ(code_of(operations().wrap_for_backup({"no.such.key", 1}, soon())), ErrorCode::not_found);
    const auto made = backed_up("backup.only", KeyAlgorithm::ec_p256, KeyUsage::sign);
    ASSERT_TRUE(ok(made));
    ASSERT_TRUE(ok(operations().set_backup_key(Secret())));
    EXPECT_EQ(code_of(operations().wrap_for_backup(made->key.id, soon())), ErrorCode::failed_precondition)
        << "without its custodians nothing leaves";
    EXPECT_EQ(code_of(operations().restore_key(*made, soon())), ErrorCode::failed_precondition);
}

TEST_P(OperationsBackup, WhatWasAlteredIsNotRestored) {
    const auto made = backed_up("backup.altered", KeyAlgorithm::ec_p256, KeyUsage::sign);
    ASSERT_TRUE(ok(made));
    ASSERT_TRUE(ok(operations().destroy_key(made->key.id, soon())));
    auto label = *made;
    label.key.id.label = "backup.other";
    auto usages = *made;
    usages.key.usages = KeyUsage::certify;
    auto version = *made;
    version.key.id.version = 2;
    auto blob = *made;
    blob.blob[5] ^= 1;
    auto public_key = *made;
    public_key.key.public_key.back() ^= 1;
    for (const auto& one : {label, usages, version, blob, public_key})
        EXPECT_EQ(code_of(operations().restore_key(one, soon())), ErrorCode::token_refused);
    ASSERT_TRUE(ok(operations().set_backup_key(custody::new_key())));
    EXPECT_EQ(code_of(operations().restore_key(*made, soon())), ErrorCode::token_refused)
        << "another backup key";
}

}  // namespace
}  // namespace signet::testing
