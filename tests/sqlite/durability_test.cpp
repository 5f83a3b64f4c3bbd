// Full disks, and processes that are killed while they write.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <future>
#include <thread>

#include "sqlite/audit_verify.h"
#include "tests/sqlite/database_fixture.h"

namespace signet::sqlite {
namespace {

class DurabilityTest : public DatabaseTest {
  protected:
    AuditReport verify(const std::filesystem::path& database) const {
        auto db = must(Connection::open(database, Connection::Mode::read_only));
        return must(verify_database(db, {}));
    }
    std::unique_ptr<Writer> start_with_pages(int more) const {
        auto db = open();
        auto pages = must(db.query("PRAGMA page_count"));
        must(pages.step());
        const auto limit = pages.integer(0) + more;
        pages.reset();
        must(db.execute("PRAGMA max_page_count = " + std::to_string(limit)));
        return must(Writer::start({}, std::move(db), clock));
    }
};

TEST_F(DurabilityTest, AFullDatabaseFailsClearlyAndKeepsWhatWasAcknowledged) {
    auto writer = start_with_pages(20);
    std::uint64_t acknowledged = 0;
    Error error;
    while (true) {
        auto done = writer->append(record_of("x", std::string(1000, 'd')));
        if (!done) {
            error = done.error();
            break;
        }
        acknowledged = *done;
    }
    EXPECT_EQ(error.code, ErrorCode::storage_full);
    EXPECT_GT(acknowledged, 10U);
    EXPECT_FALSE(writer->statistics().healthy);
    // It goes on failing, and nothing else is harmed.
    EXPECT_EQ(writer->append(record_of("x", std::string(5000, 'd'))).error().code, ErrorCode::storage_full);
    EXPECT_EQ(writer->head().sequence, acknowledged);
    writer->stop();
    const auto report = verify(path);
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.records, acknowledged);
    // With room again, the chain goes on.
    EXPECT_EQ(must(start()->append(record_of("room"))), acknowledged + 1);
    EXPECT_TRUE(verify(path).ok());
}

TEST_F(DurabilityTest, AFullDatabaseFailsTheWholeBatch) {
    must(open().execute("CREATE TABLE t (b BLOB) STRICT"));
    auto writer = start_with_pages(10);
    must(writer->append(record_of("first")));
    std::promise<void> release;
    auto released = std::make_shared<std::shared_future<void>>(release.get_future());
    auto running = std::make_shared<std::promise<void>>();
    writer->run_async(
        [running, released](Transaction&) -> Status {
            running->set_value();
            released->wait();
            return {};
        },
        [](Status) {});
    running->get_future().wait();
    std::atomic<int> full{0};
    std::atomic<int> other{0};
    const auto count = [&](const auto& done) {
        ++(!done && done.error().code == ErrorCode::storage_full ? full : other);
    };
    writer->append_async(record_of("small"), count);
    writer->run_async(
        [](Transaction& transaction) -> Status {
            // The piece does not say so, but the disk is full.
            (void)transaction.db().run("INSERT INTO t VALUES (zeroblob(1000000))");
            return {};
        },
        count);
    writer->append_async(record_of("small"), count);
    release.set_value();
    writer->stop();
    EXPECT_EQ(full, 3);
    EXPECT_EQ(other, 0);
    EXPECT_EQ(verify(path).records, 1U);
}

TEST_F(DurabilityTest, AFullFileSystemFailsClearlyAndRecovers) {
    const auto mount_point = directory.path() / "small";
    std::filesystem::create_directory(mount_point);
    if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=2m") != 0)
        GTEST_SKIP() << "cannot mount a small tmpfs here: " << std::strerror(errno);
    struct Unmount {
        std::filesystem::path path;
        ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
    } unmount{mount_point};

    const auto database = mount_point / "signet.db";
    auto db = must(Connection::open(database, Connection::Mode::create));
    must(migrate(db, all_migrations(), clock));
    auto writer = must(Writer::start({}, std::move(db), clock));
    must(writer->append(record_of("first")));
    // Something else fills the disk, but for a little.
    const auto filler = mount_point / "filler";
    {
        const int fd = ::open(filler.c_str(), O_WRONLY | O_CREAT, 0600);
        const std::string block(64 << 10, 'f');
        while (::write(fd, block.data(), block.size()) > 0) {
        }
        ::close(fd);
    }
    std::uint64_t acknowledged = 1;
    Error error;
    for (int i = 0; i < 1000; ++i) {
        auto done = writer->append(record_of("x", std::string(4000, 'd')));
        if (!done) {
            error = done.error();
            break;
        }
        acknowledged = *done;
    }
    EXPECT_EQ(error.code, ErrorCode::storage_full) << error.detail;
    std::filesystem::remove(filler);
    EXPECT_EQ(must(writer->append(record_of("room"))), acknowledged + 1);
    writer->stop();
    const auto report = verify(database);
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.records, acknowledged + 1);
}

// The child writes each acknowledged sequence number into a pipe; what was read before it was killed must be there.
TEST_F(DurabilityTest, WhatWasAcknowledgedSurvivesKill9) {
    std::uint64_t last = 0;
    for (int round = 0; round < 5; ++round) {
        std::array<int, 2> pipe{};
        ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto writer = start();
            std::vector<std::thread> threads;
            for (int t = 0; t < 4; ++t)
                threads.emplace_back([&] {
                    while (true) {
                        auto sequence = writer->append(record_of("load", std::string(200, 'd')));
                        if (!sequence || ::write(pipe[1], &*sequence, sizeof *sequence) < 0) ::_exit(1);
                    }
                });
            for (auto& thread : threads)
                thread.join();
            ::_exit(0);
        }
        ::close(pipe[1]);
        std::uint64_t acknowledged = last;
        std::uint64_t sequence = 0;
        for (int i = 0; i < 200 + 37 * round; ++i) {
            ASSERT_EQ(::read(pipe[0], &sequence, sizeof sequence), static_cast<ssize_t>(sizeof sequence));
            acknowledged = std::max(acknowledged, sequence);
        }
        ASSERT_EQ(::kill(child, SIGKILL), 0);
        // What is in the pipe was acknowledged as well.
        while (::read(pipe[0], &sequence, sizeof sequence) == static_cast<ssize_t>(sizeof sequence))
            acknowledged = std::max(acknowledged, sequence);
        ::close(pipe[0]);
        ASSERT_EQ(::waitpid(child, nullptr, 0), child);

        auto writer = start();
        EXPECT_GE(writer->head().sequence, acknowledged);
        last = must(writer->append(record_of("after")));
        writer->stop();
        const auto report = verify(path);
        EXPECT_TRUE(report.ok());
        EXPECT_EQ(report.records, last);
    }
}

}  // namespace
}  // namespace signet::sqlite
