#include "daemon/ctl/programs.h"

#include <gtest/gtest.h>

namespace signet::ctl {
namespace {

using std::chrono::seconds;

TEST(Programs, RunsCollectsAndReportsTheCode) {
    const auto finished = run_program("/bin/sh", {"-c", "echo out; echo err >&2; exit 3"}, seconds(20));
    ASSERT_TRUE(finished) << finished.error().message;
    EXPECT_EQ(finished->code, 3);
    EXPECT_EQ(finished->output, "out\n");
    EXPECT_EQ(finished->errors, "err\n");
}

TEST(Programs, GiveNothingOfTheCallersEnvironmentAway) {
    ASSERT_EQ(setenv("SIGNET_TEST_SECRET", "x", 1), 0);
    const auto finished = run_program("/usr/bin/env", {}, seconds(20));
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->output.find("SIGNET_TEST_SECRET"), std::string::npos) << finished->output;
}

TEST(Programs, LargeOutputDoesNotBlock) {
    const auto finished = run_program(
        "/bin/sh", {"-c", "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2"}, seconds(60));
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->output.size(), 1'000'000U);
    EXPECT_EQ(finished->errors.size(), 1'000'000U);
}

TEST(Programs, EndWhenTheirTimeIsOver) {
    EXPECT_EQ(run_program("/bin/sleep", {"60"}, seconds(1)).error().code, ErrorCode::deadline_exceeded);
}

TEST(Programs, MissingOnesAreNamed) {
    const auto missing = find_program("no-such-program-of-signet");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    EXPECT_NE(missing.error().message.find("/usr/sbin/no-such-program-of-signet"), std::string::npos);
}

}  // namespace
}  // namespace signet::ctl
