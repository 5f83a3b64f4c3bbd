#include "sqlite/backup.h"

#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "sqlite/output_file.h"
#include "sqlite/read_pool.h"
#include "tests/sqlite/audit_chain_fixture.h"

namespace signet::sqlite {
namespace {

class BackupTest : public AuditChainTest {
  protected:
    // Besides the database itself and its WAL.
    std::size_t files() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
            count += entry.path().filename().string().starts_with("signet.db") ? 0U : 1U;
        return count;
    }
    const std::filesystem::path copy = directory / "copy.db";
};

TEST_F(BackupTest, MakesOneVerifiedFile) {
    fill(20, 10);
    auto db = read_only();
    const auto report = must(backup_database(db, copy));
    EXPECT_EQ(files(), 1U) << "no temporary file and no WAL is left";
    EXPECT_EQ(report.head, verify().head);
    EXPECT_EQ(report.bytes, std::filesystem::file_size(copy));
    EXPECT_EQ(report.digest, must(digest_file(copy)));
    struct stat info{};
    ASSERT_EQ(::stat(copy.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    auto opened = must(Connection::open(copy));
    EXPECT_TRUE(must(verify_database(opened, options())).ok());
}

TEST_F(BackupTest, NeverOverwrites) {
    auto db = read_only();
    must(backup_database(db, copy));
    EXPECT_EQ(backup_database(db, copy).error().code, ErrorCode::already_exists);
}

TEST_F(BackupTest, IsConsistentWhileOthersWrite) {
    auto writer = start();
    std::atomic<bool> running{true};
    std::thread load([&] {
        while (running)
            must(writer->append(record_of("load", std::string(2000, 'd'))));
    });
    auto db = read_only();
    for (int i = 0; i < 5; ++i) {
        const auto name = directory / ("copy-" + std::to_string(i));
        const auto report = must(backup_database(db, name));
        auto opened = must(Connection::open(name));
        const auto verified = must(verify_database(opened, {}));
        EXPECT_TRUE(verified.ok());
        EXPECT_EQ(verified.head, report.head);
    }
    running = false;
    load.join();
}

TEST_F(BackupTest, RefusesACopyWhoseChainIsBroken) {
    fill(20, 10);
    tamper("UPDATE audit_records SET object = 'x' WHERE sequence = 5");
    auto db = read_only();
    const auto refused = backup_database(db, copy);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::storage_failed);
    EXPECT_NE(refused.error().detail.find("record 5"), std::string::npos);
    EXPECT_EQ(files(), 0U);
}

TEST_F(BackupTest, AnUnwritableDirectoryIsAnError) {
    auto db = read_only();
    EXPECT_FALSE(backup_database(db, directory / "none" / "copy.db"));
}

TEST_F(BackupTest, AReadPoolLendsToOneThreadAtATime) {
    auto pool = must(ReadPool::open(path, 2));
    auto one = must(pool.lease());
    {
        auto two = must(pool.lease());
        EXPECT_NE(&*one, &*two);
        EXPECT_EQ(pool.lease(std::chrono::milliseconds(1)).error().code, ErrorCode::overloaded);
    }
    auto again = must(pool.lease());
    EXPECT_TRUE(again->query("SELECT count(*) FROM audit_records"));
    EXPECT_FALSE(again->run("DELETE FROM intents"));
}

}  // namespace
}  // namespace signet::sqlite
