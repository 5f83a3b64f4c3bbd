// What a process that dies in its login leaves, and what the next one makes of it.
#include "hsm/token/login_mark.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "hsm/token/pin_marker.h"
#include "tests/support/process.h"

namespace signet::token {
namespace {

class LoginMarkTest : public ::testing::Test {
  protected:
    // A login whose process died: the lock goes with it, the mark stays.
    void die_in_login(const PinState& pin) {
        LoginMark mark(directory.path(), "token.yaml");
        ASSERT_TRUE(mark.begin(pin));
        ASSERT_FALSE(read_file(login_mark_path(directory.path()))->empty());
    }
    Status log_in(const PinState& pin) {
        LoginMark mark(directory.path(), "token.yaml");
        SIGNET_TRY(mark.begin(pin));
        mark.end();
        return {};
    }
    bool marked() const { return !check_pin_marker(directory.path(), "token.yaml"); }

    static constexpr PinState kQuiet{.locks = true, .wrong_since_last_login = false};
    static constexpr PinState kWrong{.locks = true, .wrong_since_last_login = true};
    testing::TempDirectory directory;
};

TEST_F(LoginMarkTest, ALoginThatEndedLeavesNothing) {
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(log_in(kQuiet));
    EXPECT_TRUE(log_in(kWrong)) << "a wrong PIN of somebody else";
    EXPECT_FALSE(marked());
    EXPECT_TRUE(read_file(login_mark_path(directory.path()))->empty());
}

TEST_F(LoginMarkTest, ADeathWhereTheTokenReportsAWrongPinIsARefusal) {
    die_in_login(kQuiet);
    const auto refused = log_in(kWrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::token_pin);
    EXPECT_TRUE(marked());
    const auto text = *read_file(pin_marker_path(directory.path()));
    EXPECT_NE(text.find("ended while it logged in"), std::string::npos) << text;
    EXPECT_NE(text.find("clear-pin-marker"), std::string::npos) << text;
}

TEST_F(LoginMarkTest, ADeathWithoutSuchAReportAllowsOneMoreTryAndNoThird) {
    die_in_login(kQuiet);
    EXPECT_TRUE(log_in(kQuiet)) << "an ordinary kill";
    die_in_login(kQuiet);
    EXPECT_TRUE(log_in(kQuiet)) << "the good login in between counts";
    EXPECT_FALSE(marked());
    die_in_login(kQuiet);
    die_in_login(kQuiet);
    EXPECT_EQ(log_in(kQuiet).error().code, ErrorCode::token_pin);
    EXPECT_TRUE(marked());
}

TEST_F(LoginMarkTest, WhereNothingLocksAnyNumberOfDeathsIsSurvived) {
    for (const bool wrong : {false, true, true, false})
        die_in_login({.locks = false, .wrong_since_last_login = wrong});
    EXPECT_TRUE(log_in({.locks = false, .wrong_since_last_login = true}));
    EXPECT_FALSE(marked());
}

TEST_F(LoginMarkTest, TheOperatorWhoClearsTheMarkerClearsItToo) {
    die_in_login(kQuiet);
    EXPECT_FALSE(log_in(kWrong));
    EXPECT_TRUE(*clear_pin_marker(directory.path()));
    EXPECT_TRUE(log_in(kWrong));
    die_in_login(kQuiet);
    EXPECT_FALSE(*clear_pin_marker(directory.path()));
    EXPECT_TRUE(log_in(kWrong));
}

TEST_F(LoginMarkTest, WithoutAPlaceToNoteItNoLoginIsMade) {
    LoginMark mark(directory / "missing", "token.yaml");
    EXPECT_EQ(mark.begin(kQuiet).error().code, ErrorCode::failed_precondition);
}

}  // namespace
}  // namespace signet::token
