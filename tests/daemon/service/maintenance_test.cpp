#include "daemon/service/maintenance.h"

#include <atomic>

#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

using testing::eventually;

TEST(Maintenance, RunsEachJobAtOnceAndWhenWoken) {
    std::atomic<int> first = 0;
    std::atomic<int> second = 0;
    Maintenance maintenance;
    maintenance.add({"first", std::chrono::hours(1), std::chrono::hours(1), [&] { return ++first, true; }});
    maintenance.add({"second", std::chrono::hours(1), std::chrono::hours(1), [&] { return ++second, true; }});
    maintenance.start();
    EXPECT_TRUE(eventually([&] { return first == 1 && second == 1; }));
    maintenance.wake("second");
    maintenance.wake("nobody");
    EXPECT_TRUE(eventually([&] { return second == 2; }));
    maintenance.stop();
    EXPECT_EQ(first, 1);
}

TEST(Maintenance, RetriesSoonerWhatFailed) {
    std::atomic<int> runs = 0;
    Maintenance maintenance;
    maintenance.add(
        {"job", std::chrono::hours(1), std::chrono::milliseconds(1), [&] { return ++runs == 3; }});
    maintenance.start();
    EXPECT_TRUE(eventually([&] { return runs == 3; }));
}

using BackupTest = ServiceTest;

TEST_F(BackupTest, CopiesAreVerifiedRecordedAndLimited) {
    Backup backup({*writer, clock, database()}, {directory / "backup", 2});
    std::vector<std::filesystem::path> files;
    for (int i = 0; i < 3; ++i) {
        clock.advance(std::chrono::seconds(1));
        const auto copy = must(backup.run(caller()));
        EXPECT_GT(copy.report.bytes, 0U);
        files.push_back(copy.file);
    }
    EXPECT_FALSE(std::filesystem::exists(files[0])) << "the oldest one goes";
    EXPECT_TRUE(std::filesystem::exists(files[1]));
    EXPECT_TRUE(std::filesystem::exists(files[2]));
    EXPECT_EQ(records("backup.database").size(), 3U);
    auto copy = must(sqlite::Connection::open(files[2], sqlite::Connection::Mode::read_only));
    EXPECT_EQ(must(sqlite::audit_log::head(copy)).sequence, 2U);
}

}  // namespace
}  // namespace signet::service
