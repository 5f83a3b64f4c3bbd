#include "hsm/pkcs11/token.h"

#include <gtest/gtest.h>

#include "hsm/pkcs11/init_token.h"
#include "tests/support/fake_module.h"
#include "tests/support/softhsm_token.h"

namespace signet::pkcs11 {
namespace {

using testing::FakeModule;

class TokenTest : public ::testing::Test {
  protected:
    Result<TokenDescription> find(std::string_view label, std::string_view serial = {}) {
        return find_token(*module, label, serial);
    }
    Status try_login(std::string_view pin = "1234") {
        const auto token = find("signet").value();
        auto session = Session::open(*module, token.slot, Access::read_only).value();
        return log_in(session, token, Secret::copy_of(pin));
    }

    FakeModule fake;
    std::unique_ptr<Module> module = Module::adopt(fake.functions(), "fake").value();
};

TEST_F(TokenTest, IsFoundByLabelAndSerial) {
    EXPECT_EQ(find("signet")->serial, "0001");
    EXPECT_EQ(find("", "0001")->label, "signet");
    EXPECT_TRUE(find("signet", "0001"));
    EXPECT_FALSE(find("signet", "0002"));
    const auto other = find("other");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::token_unavailable);
    EXPECT_NE(other.error().message.find("it has 'signet'"), std::string::npos) << other.error().message;
}

TEST_F(TokenTest, IsNotFoundWhenNotInitialisedOrGone) {
    fake.token_flags &= ~CK_FLAGS{CKF_TOKEN_INITIALIZED};
    EXPECT_FALSE(find("signet"));
    fake.present = false;
    const auto gone = find("signet");
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, ErrorCode::token_unavailable);
    EXPECT_NE(gone.error().message.find("it has none at all"), std::string::npos);
}

TEST_F(TokenTest, LogsInOnce) {
    EXPECT_TRUE(try_login());
    EXPECT_EQ(fake.calls("C_Login"), 1);
}

TEST_F(TokenTest, NeverTriesAPinAgain) {
    const auto status = try_login("wrong");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::token_pin);
    EXPECT_EQ(status.error().message.find("wrong"), std::string::npos);
    EXPECT_EQ(fake.calls("C_Login"), 1);
}

TEST_F(TokenTest, NeverAsksATokenThatSaysFinalTryLockedOrWithoutPin) {
    const auto good = fake.token_flags;
    for (const CK_FLAGS flag : {CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED}) {
        fake.token_flags = good | flag;
        const auto status = try_login();
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, ErrorCode::token_pin);
    }
    fake.token_flags = good & ~CK_FLAGS{CKF_USER_PIN_INITIALIZED};
    EXPECT_FALSE(try_login());
    EXPECT_EQ(fake.calls("C_Login"), 0);
}

TEST(InitToken, MakesATokenOnceAndChangesItsPin) {
    const testing::SoftHsmToken token("first");
    const auto module = Module::load(testing::SoftHsmToken::module()).value();
    EXPECT_EQ(find_token(*module, "first", {})->serial, token.serial());

    const auto again = init_token(*module, "first", token.so_pin(), token.pin());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::already_exists);
    EXPECT_EQ(init_token(*module, "", token.so_pin(), token.pin()).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(init_token(*module, std::string(33, 'x'), token.so_pin(), token.pin()).error().code,
              ErrorCode::invalid_argument);

    const auto new_pin = Secret::copy_of("another pin");
    ASSERT_TRUE(change_pin(*module, "first", {}, token.pin(), new_pin));
    EXPECT_EQ(change_pin(*module, "first", {}, token.pin(), new_pin).error().code, ErrorCode::token_pin);
    EXPECT_TRUE(change_pin(*module, "first", {}, new_pin, token.pin()));
}

}  // namespace
}  // namespace signet::pkcs11
