#include "base/clock.h"

#include <gtest/gtest.h>

namespace signet {
namespace {

// Values from `date -u -d … +%s`.
TEST(Rfc3339, WritesMilliseconds) {
    EXPECT_EQ(to_rfc3339(from_unix_ms(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(to_rfc3339(from_unix_ms(1'769'851'800'250)), "2026-01-31T09:30:00.250Z");
    EXPECT_EQ(to_rfc3339(from_unix_ms(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, ReadsOffsetsAndDecimals) {
    const auto expected = from_unix_ms(1'769'851'800'250);
    EXPECT_EQ(from_rfc3339("2026-01-31T09:30:00.250Z"), expected);
    EXPECT_EQ(from_rfc3339("2026-01-31t09:30:00.25z"), expected);
    EXPECT_EQ(from_rfc3339("2026-01-31T15:00:00.250+05:30"), expected);
    EXPECT_EQ(from_rfc3339("2026-01-30T23:30:00.250999999-10:00"), expected);
    EXPECT_EQ(from_rfc3339("2024-02-29T00:00:00Z"), from_unix_ms(1'709'164'800'000));
}

TEST(Rfc3339, RefusesEverythingElse) {
    for (const char* text :
         {"", "2026", "2026-01-31", "2026-01-31 09:30:00Z", "2026-01-31T09:30:00", "2026-01-31T09:30Z",
          "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T09:60:00Z",
          "2026-01-31T09:30:60Z", "2026-01-31T09:30:00.Z", "2026-01-31T09:30:00.1234567890Z",
          "2026-01-31T09:30:00+24:00", "2026-01-31T09:30:00+0530", "2026-01-31T09:30:00Z ",
          "+026-01-31T09:30:00Z"})
        EXPECT_FALSE(from_rfc3339(text)) << text;
}

TEST(ManualClock, StandsStill) {
    ManualClock clock(from_unix_ms(1000));
    EXPECT_EQ(clock.now(), clock.now());
    clock.advance(std::chrono::seconds(2));
    EXPECT_EQ(to_unix_ms(clock.now()), 3000);
    clock.set(from_unix_ms(5));
    EXPECT_EQ(to_unix_ms(clock.now()), 5);
}

}  // namespace
}  // namespace signet
