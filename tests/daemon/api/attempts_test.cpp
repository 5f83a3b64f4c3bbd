#include "daemon/api/attempts.h"

#include <gtest/gtest.h>

namespace signet::api {
namespace {

using namespace std::chrono_literals;

TEST(Attempts, OnlyFailuresCount) {
    Attempts attempts;
    const SteadyTime now{1h};
    for (int i = 0; i < 100; ++i)
        EXPECT_TRUE(attempts.admit("user", "a", 3, now));
    EXPECT_EQ(attempts.size(), 0U);
}

TEST(Attempts, RefusesOnceTheyAreUsedUpAndRefillsEvenly) {
    Attempts attempts;
    const SteadyTime now{1h};
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(attempts.admit("user", "a", 3, now)) << i;
        attempts.failed("user", "a", 3, now);
    }
    const auto refused = attempts.admit("user", "a", 3, now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::rate_limited);
    EXPECT_EQ(refused.error().retry_after, 20s);
    EXPECT_TRUE(attempts.admit("user", "b", 3, now));
    EXPECT_TRUE(attempts.admit("caller", "a", 3, now)) << "callers and accounts are apart";
    EXPECT_FALSE(attempts.admit("user", "a", 3, now + 19s));
    EXPECT_TRUE(attempts.admit("user", "a", 3, now + 20s));
    attempts.failed("user", "a", 3, now + 20s);
    EXPECT_FALSE(attempts.admit("user", "a", 3, now + 39s));
    EXPECT_TRUE(attempts.admit("user", "a", 3, now + 10min));
}

TEST(Attempts, HoldsItsBound) {
    Attempts attempts(10);
    const SteadyTime now{1h};
    for (int i = 0; i < 100; ++i)
        attempts.failed("user", std::to_string(i), 3, now);
    EXPECT_LE(attempts.size(), 10U);
    attempts.failed("user", "new", 3, now + 1h);
    EXPECT_EQ(attempts.size(), 1U) << "what is forgotten makes room";
}

}  // namespace
}  // namespace signet::api
