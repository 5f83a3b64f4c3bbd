#include "policy/rate_limiter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace signet::policy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime kStart{std::chrono::hours(1)};

Rule rule_of(std::uint32_t count, milliseconds per, std::string name = "r") {
    Rule rule;
    rule.name = std::move(name);
    rule.rate = Rate{count, per};
    return rule;
}

int admitted(RateLimiter& limiter, const Rule& rule, std::string_view principal, SteadyTime now, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i)
        count += limiter.take(rule, principal, now).has_value() ? 1 : 0;
    return count;
}

TEST(RateLimiterTest, ABurstThenAnEvenRefill) {
    RateLimiter limiter;
    const auto rule = rule_of(10, seconds(1));
    EXPECT_EQ(admitted(limiter, rule, "a", kStart, 100), 10);
    EXPECT_EQ(admitted(limiter, rule, "a", kStart + milliseconds(99), 100), 0);
    EXPECT_EQ(admitted(limiter, rule, "a", kStart + milliseconds(100), 100), 1);
    EXPECT_EQ(admitted(limiter, rule, "a", kStart + milliseconds(500), 100), 4);
    EXPECT_EQ(admitted(limiter, rule, "a", kStart + seconds(60), 100), 10);
}

TEST(RateLimiterTest, NeverMoreThanTheRateOverALongTime) {
    RateLimiter limiter;
    const auto rule = rule_of(7, seconds(1));
    int total = 0;
    for (int ms = 0; ms < 60'000; ms += 3)
        total += admitted(limiter, rule, "a", kStart + milliseconds(ms), 2);
    EXPECT_GE(total, 7 * 60);
    EXPECT_LE(total, 7 * 61);
}

TEST(RateLimiterTest, SaysWhenToComeBack) {
    RateLimiter limiter;
    const auto rule = rule_of(1, seconds(90));
    ASSERT_TRUE(limiter.take(rule, "a", kStart));
    const auto refused = limiter.take(rule, "a", kStart + seconds(10));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::rate_limited);
    EXPECT_EQ(refused.error().retry_after, seconds(80));
    EXPECT_TRUE(limiter.take(rule, "a", kStart + seconds(90)));
    EXPECT_EQ(limiter.take(rule_of(1000, seconds(1), "x"), "a", kStart, 1001).error().retry_after,
              seconds(1));
}

TEST(RateLimiterTest, EachPrincipalAndRuleHasItsOwn) {
    RateLimiter limiter;
    EXPECT_EQ(admitted(limiter, rule_of(2, seconds(1), "r"), "a", kStart, 5), 2);
    EXPECT_EQ(admitted(limiter, rule_of(2, seconds(1), "r"), "b", kStart, 5), 2);
    EXPECT_EQ(admitted(limiter, rule_of(2, seconds(1), "s"), "a", kStart, 5), 2);
    EXPECT_EQ(limiter.size(), 3U);
}

TEST(RateLimiterTest, ABatchIsTakenWholeOrNotAtAll) {
    RateLimiter limiter;
    const auto rule = rule_of(10, seconds(1));
    EXPECT_TRUE(limiter.take(rule, "a", kStart, 8));
    EXPECT_FALSE(limiter.take(rule, "a", kStart, 3));
    EXPECT_TRUE(limiter.take(rule, "a", kStart, 2));
    EXPECT_FALSE(limiter.take(rule, "a", kStart + seconds(100), 11)) << "more than the burst never fits";
}

TEST(RateLimiterTest, ARuleWithoutARateAdmitsAll) {
    RateLimiter limiter;
    EXPECT_EQ(admitted(limiter, Rule{}, "a", kStart, 1000), 1000);
    EXPECT_EQ(limiter.size(), 0U);
}

TEST(RateLimiterTest, AChangedRateHoldsAtOnce) {
    RateLimiter limiter;
    EXPECT_EQ(admitted(limiter, rule_of(1000, std::chrono::hours(1)), "a", kStart, 2000), 1000);
    // What is owed from the old rate is cut to an empty bucket of the new one.
    EXPECT_EQ(admitted(limiter, rule_of(10, seconds(1)), "a", kStart, 100), 0);
    EXPECT_EQ(admitted(limiter, rule_of(10, seconds(1)), "a", kStart + seconds(1), 100), 10);
}

TEST(RateLimiterTest, MemoryIsBounded) {
    RateLimiter limiter(160);
    const auto rule = rule_of(2, seconds(10));
    int refused = 0;
    for (int i = 0; i < 10'000; ++i)
        refused += limiter.take(rule, std::to_string(i), kStart) ? 0 : 1;
    EXPECT_LE(limiter.size(), 160U);
    EXPECT_GT(refused, 0) << "a bucket in use is never given away";
    // Once those are full again, they make room.
    EXPECT_TRUE(limiter.take(rule, "new", kStart + seconds(20)));
    EXPECT_LE(limiter.size(), 160U);
}

TEST(RateLimiterTest, ThreadsShareABucket) {
    RateLimiter limiter;
    const auto rule = rule_of(1000, seconds(100));
    std::atomic<int> total{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] { total += admitted(limiter, rule, "a", kStart, 500); });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(total, 1000);
}

}  // namespace
}  // namespace signet::policy
