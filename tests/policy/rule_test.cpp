#include "policy/rule.h"

#include <gtest/gtest.h>

namespace signet::policy {
namespace {

SystemTime at(std::string_view text) {
    return from_rfc3339(text).value();
}

TEST(TimeWindowTest, WithinADay) {
    const TimeWindow office{.days = 0b0011111, .from = std::chrono::hours(8), .to = std::chrono::hours(18)};
    EXPECT_TRUE(office.contains(at("2024-01-01T08:00:00Z")));  // a Monday
    EXPECT_TRUE(office.contains(at("2024-01-05T17:59:59.999Z")));
    EXPECT_FALSE(office.contains(at("2024-01-05T18:00:00Z")));
    EXPECT_FALSE(office.contains(at("2024-01-01T07:59:59.999Z")));
    EXPECT_FALSE(office.contains(at("2024-01-06T12:00:00Z")));  // Saturday
    EXPECT_FALSE(office.contains(at("2024-01-07T12:00:00Z")));  // Sunday
}

TEST(TimeWindowTest, OverMidnightBelongsToTheDayItBeginsOn) {
    const TimeWindow night{
        .days = 0b0010000, .from = std::chrono::hours(22), .to = std::chrono::hours(6)};  // Friday
    EXPECT_FALSE(night.contains(at("2024-01-05T05:00:00Z")));
    EXPECT_TRUE(night.contains(at("2024-01-05T22:00:00Z")));
    EXPECT_TRUE(night.contains(at("2024-01-06T05:59:00Z")));
    EXPECT_FALSE(night.contains(at("2024-01-06T06:00:00Z")));
    EXPECT_FALSE(night.contains(at("2024-01-06T22:00:00Z")));
}

TEST(TimeWindowTest, AlwaysByDefault) {
    EXPECT_TRUE(TimeWindow{}.contains(at("2024-02-29T23:59:59.999Z")));
    EXPECT_TRUE(TimeWindow{}.contains(at("1969-12-31T00:00:00Z")));
}

}  // namespace
}  // namespace signet::policy
