#include "daemon/ctl/exit_code.h"

#include <gtest/gtest.h>

namespace signet::ctl {
namespace {

TEST(ExitCode, NoErrorIsSuccess) {
    for (unsigned value = 0; value < 256; ++value) {
        if (const auto code = error_code_from(static_cast<std::uint8_t>(value))) {
            EXPECT_NE(exit_code_for(*code), ExitCode::ok) << to_string(*code);
            EXPECT_NE(exit_code_for(*code), ExitCode::unsound)
                << to_string(*code);  // only a check that ended says so
        }
    }
}

TEST(ExitCode, WhatScriptsRelyOn) {
    EXPECT_EQ(static_cast<int>(exit_code_for(ErrorCode::invalid_argument)), 2);
    EXPECT_EQ(static_cast<int>(exit_code_for(ErrorCode::permission_denied)), 3);
    EXPECT_EQ(static_cast<int>(exit_code_for(ErrorCode::unauthenticated)), 3);
    EXPECT_EQ(static_cast<int>(exit_code_for(ErrorCode::not_found)), 4);
    EXPECT_EQ(static_cast<int>(exit_code_for(ErrorCode::token_unavailable)), 5);
    EXPECT_EQ(static_cast<int>(exit_code_for(ErrorCode::already_exists)), 6);
    EXPECT_EQ(static_cast<int>(exit_code_for(ErrorCode::storage_full)), 7);
}

}  // namespace
}  // namespace signet::ctl
