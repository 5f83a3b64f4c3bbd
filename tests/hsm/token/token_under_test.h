// The tokens that the suite runs on, each opened once for all tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "hsm/token/token_operations.h"

namespace signet::testing {

enum class TokenKind { softhsm, nss };
std::string to_string(TokenKind kind);

struct TokenUnderTest {
    TokenKind kind;
    std::unique_ptr<token::TokenOperations> operations;
    bool eddsa;    // softokn has no Ed25519
    bool anchors;  // nor data objects in its database
};

// Holds golden.mac/1 (hmac-512), golden.seal/1 (aes-256, seal) and golden.rsa/1 (sign and decrypt), the keys of
// golden/vectors.txt, and a key called by its algorithm ("rsa-2048" … ) for each algorithm and its first usage, besides
// wrap/1, wrap/2, bind/1, seal/1, audit/1. nullptr when the token is not installed.
TokenUnderTest* token_under_test(TokenKind kind);

inline Deadline soon() {
    return Deadline::in(std::chrono::seconds(120));
}

// A test's token; the test skips, visibly, where it is not installed.
class TokenSuite : public ::testing::TestWithParam<TokenKind> {
  protected:
    void SetUp() override {
        token_ = token_under_test(GetParam());
        if (token_ == nullptr) GTEST_SKIP() << to_string(GetParam()) << " is not installed";
    }
    token::TokenOperations& operations() { return *token_->operations; }
    const TokenUnderTest& token() { return *token_; }

  private:
    TokenUnderTest* token_ = nullptr;
};

// For EXPECT_TRUE(ok(result)): the error in the failure's text.
template <class T>
::testing::AssertionResult ok(const Result<T>& result) {
    if (result) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << to_string(result.error().code) << ": " << result.error().message
                                         << " (" << result.error().detail << ")";
}
template <class T>
ErrorCode code_of(const Result<T>& result) {
    return result ? ErrorCode{} : result.error().code;
}

}  // namespace signet::testing

#define SIGNET_TOKEN_SUITE(suite)                                                                    \
    INSTANTIATE_TEST_SUITE_P(                                                                        \
        Tokens, suite,                                                                               \
        ::testing::Values(::signet::testing::TokenKind::softhsm, ::signet::testing::TokenKind::nss), \
        [](const auto& parameter) { return ::signet::testing::to_string(parameter.param); })
