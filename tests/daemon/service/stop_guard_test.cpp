#include "daemon/service/stop_guard.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "base/log.h"

namespace signet::service {
namespace {

using std::chrono::milliseconds;

TEST(StopGuardDeathTest, EndsAProcessWhoseStopHangs) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            log::set_up("guard", "info");  // to stderr
            const StopGuard guard(milliseconds(50), 7);
            // A commit that never returns.
            std::mutex mutex;
            std::condition_variable never;
            std::unique_lock lock(mutex);
            never.wait(lock, [] { return false; });
        },
        ::testing::ExitedWithCode(7), "did not stop in time");
}

TEST(StopGuard, LetsAStopThatEndsEnd) {
    {
        const StopGuard guard(std::chrono::hours(1), 7);
    }
    SUCCEED() << "and at once: the guard does not wait for its limit";
}

}  // namespace
}  // namespace signet::service
