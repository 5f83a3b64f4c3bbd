#include "base/error.h"

#include <gtest/gtest.h>

#include <set>

namespace signet {
namespace {

TEST(Error, EveryCodeHasANameOfItsOwn) {
    std::set<std::string_view> names;
    std::size_t codes = 0;
    for (int value = 0; value < 256; ++value) {
        const auto code = error_code_from(static_cast<std::uint8_t>(value));
        if (!code) continue;
        ++codes;
        EXPECT_EQ(static_cast<int>(*code), value);
        EXPECT_TRUE(names.insert(to_string(*code)).second) << value;
    }
    EXPECT_GE(codes, 20U);
}

TEST(Error, OnlyWhatPassesByItselfIsRetryable) {
    EXPECT_TRUE((Error{ErrorCode::token_unavailable, "", ""}).retryable());
    EXPECT_TRUE((Error{ErrorCode::overloaded, "", ""}).retryable());
    EXPECT_FALSE((Error{ErrorCode::permission_denied, "", ""}).retryable());
    EXPECT_FALSE((Error{ErrorCode::invalid_argument, "", ""}).retryable());
    EXPECT_FALSE((Error{ErrorCode::token_pin, "", ""}).retryable());
}

Result<int> half(int value) {
    if (value % 2 != 0) return fail(ErrorCode::invalid_argument, "odd");
    return value / 2;
}

Result<int> quarter(int value) {
    SIGNET_ASSIGN(const int first, half(value));
    SIGNET_TRY(half(first));
    return half(first);
}

TEST(Error, MacrosReturnTheFirstError) {
    EXPECT_EQ(quarter(8).value(), 2);
    EXPECT_EQ(quarter(3).error().message, "odd");
    EXPECT_EQ(quarter(6).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace signet
