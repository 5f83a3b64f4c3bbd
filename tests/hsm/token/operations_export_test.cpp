// Secrets under passwords: out to a device, in from another appliance, and derived.
#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/key_wrap.h"
#include "tests/hsm/token/token_under_test.h"

namespace signet::testing {
namespace {

constexpr std::string_view kPassword = "123456";

class OperationsExport : public TokenSuite {
  protected:
    WrappedKey make(std::uint32_t index, KeyAlgorithm algorithm = KeyAlgorithm::hmac_256,
                    KeyUsage usage = KeyUsage::mac) {
        auto made = operations().generate_wrapped(
            {{"wrap", 1}, {"bind", 1}, {"paycontrol:1:7", "paycontrol.user.k1", index, 1, algorithm, usage}},
            soon());
        EXPECT_TRUE(ok(made));
        return made ? made->key : WrappedKey{};
    }
    Bytes mac(const WrappedKey& key) {
        auto out = operations().mac({key, MacAlgorithm::hs256, to_bytes("data")}, soon());
        EXPECT_TRUE(ok(out));
        return out ? *out : Bytes{};
    }
    Result<ExportedSecrets> exported(const std::vector<WrappedKey>& keys) {
        return operations().export_secrets({keys, as_bytes(kPassword), to_bytes("header")}, soon());
    }
    ImportSecretsRequest import_of(const ExportedSecrets& secrets, std::string_view password = kPassword) {
        return {.wrapping_key = {"wrap", 1},
                .binding_key = {"bind", 1},
                .bindings = {{"signer:1", "paycontrol.user.k1", 1, 1, KeyAlgorithm::hmac_256, KeyUsage::mac},
                             {"signer:1", "paycontrol.user.k2", 1, 1, KeyAlgorithm::hmac_256, KeyUsage::mac}},
                .password = as_bytes(password),
                .header = to_bytes("header"),
                .secrets = secrets};
    }
};
SIGNET_TOKEN_SUITE(OperationsExport);

TEST_P(OperationsExport, OpensWithThePasswordAndHoldsTheVerySecrets) {
    const auto one = make(1), two = make(2);
    const auto out = exported({one, two});
    ASSERT_TRUE(ok(out));
    const auto derived = scrypt(as_bytes(kPassword), out->salt, 64);
    ASSERT_TRUE(derived);
    auto covered = to_bytes("header");
    covered.insert(covered.end(), out->data.begin(), out->data.end());
    EXPECT_EQ(out->mac, hmac_sha256(derived->view().last(32), covered));
    const auto kek = Secret::copy_of(derived->view().first(32));
    ASSERT_EQ(out->data.size(), 80U);
    const auto k1 = unwrap_key(kek, ByteView(out->data).first(40));
    const auto k2 = unwrap_key(kek, ByteView(out->data).last(40));
    ASSERT_TRUE(k1 && k2);
    EXPECT_EQ(hmac_sha256(k1->view(), as_bytes("data")), mac(one));
    EXPECT_EQ(hmac_sha256(k2->view(), as_bytes("data")), mac(two));
}

TEST_P(OperationsExport, ComesInAgainAsTheSameSecrets) {
    const auto one = make(1), two = make(2);
    const auto out = exported({one, two});
    ASSERT_TRUE(ok(out));
    const auto in = operations().import_secrets(import_of(*out), soon());
    ASSERT_TRUE(ok(in));
    EXPECT_EQ(mac(in->at(0)), mac(one));
    EXPECT_EQ(mac(in->at(1)), mac(two));
}

TEST_P(OperationsExport, RefusesAWrongPasswordAndWhatWasAltered) {
    const auto out = exported({make(1), make(2)});
    ASSERT_TRUE(ok(out));
    EXPECT_EQ(code_of(operations().import_secrets(import_of(*out, "654321"), soon())),
              ErrorCode::token_refused);
    auto altered = *out;
    altered.data[0] ^= 1;
    EXPECT_EQ(code_of(operations().import_secrets(import_of(altered), soon())), ErrorCode::token_refused);
    auto other = import_of(*out);
    other.header = to_bytes("another header");
    EXPECT_EQ(code_of(operations().import_secrets(other, soon())), ErrorCode::token_refused);
}

TEST_P(OperationsExport, LetsOnlySecretsOfUsersOut) {
    const auto signing = make(1, KeyAlgorithm::ec_p256, KeyUsage::sign);
    EXPECT_EQ(code_of(exported({signing})), ErrorCode::token_refused);
    EXPECT_EQ(code_of(exported({})), ErrorCode::invalid_argument);
    auto stolen = make(2);
    stolen.binding.owner = "paycontrol:1:8";
    EXPECT_EQ(code_of(exported({stolen})), ErrorCode::token_refused) << "bound to another owner";
}

TEST_P(OperationsExport, ShowsNothingInClearUnlessTheConfigurationSaysSo) {
    EXPECT_EQ(code_of(operations().reveal_secrets({{make(1)}}, soon())), ErrorCode::token_refused);
}

TEST_P(OperationsExport, DerivesWhatADeviceDerives) {
    const auto one = make(1);
    const auto context = sha256(as_bytes("challenge"));
    const KeyBinding next{"paycontrol:1:7",       "paycontrol.user.k1", 2, 1,
                          KeyAlgorithm::hmac_256, KeyUsage::mac};
    const auto derived = operations().derive_secret(
        {one, {"wrap", 1}, {"bind", 1}, next, Bytes(context.begin(), context.end())}, soon());
    ASSERT_TRUE(ok(derived));
    const auto out = exported({one});
    ASSERT_TRUE(ok(out));
    const auto keys = scrypt(as_bytes(kPassword), out->salt, 64);
    const auto old = unwrap_key(Secret::copy_of(keys->view().first(32)), out->data);
    ASSERT_TRUE(old);
    const auto expected = encrypt_aes_ecb(*old, context);
    ASSERT_TRUE(expected);
    EXPECT_EQ(hmac_sha256(expected->view(), as_bytes("data")), mac(*derived));
}

}  // namespace
}  // namespace signet::testing
