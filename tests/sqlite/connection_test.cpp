#include "sqlite/connection.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "sqlite/statement.h"
#include "tests/support/process.h"

namespace signet::sqlite {
namespace {

class ConnectionTest : public ::testing::Test {
  protected:
    Connection open(Connection::Mode mode = Connection::Mode::create) {
        auto db = Connection::open(path, mode);
        if (!db) throw std::runtime_error(db.error().message + db.error().detail);
        return *std::move(db);
    }
    testing::TempDirectory directory;
    std::filesystem::path path = directory / "a.db";
};

TEST_F(ConnectionTest, IsSetUpTheOneWay) {
    auto db = open();
    const auto pragma = [&](const std::string& name) {
        auto query = db.query("PRAGMA " + name);
        EXPECT_TRUE(query && *query->step());
        return query->text(0);
    };
    EXPECT_EQ(pragma("journal_mode"), "wal");
    EXPECT_EQ(pragma("synchronous"), "2");  // FULL
    EXPECT_EQ(pragma("foreign_keys"), "1");
    EXPECT_EQ(pragma("trusted_schema"), "0");
    EXPECT_EQ(pragma("secure_delete"), "1");
}

TEST_F(ConnectionTest, MakesFilesForTheOwnerOnly) {
    auto db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (a INTEGER) STRICT"));
    for (const std::string suffix : {"", "-wal", "-shm"}) {
        struct stat info{};
        ASSERT_EQ(::stat((path.string() + suffix).c_str(), &info), 0) << suffix;
        EXPECT_EQ(info.st_mode & 0777U, 0600U) << suffix;
    }
}

TEST_F(ConnectionTest, DoesNotMakeAFileUnlessAsked) {
    for (const auto mode : {Connection::Mode::read_write, Connection::Mode::read_only}) {
        const auto db = Connection::open(path, mode);
        ASSERT_FALSE(db);
        EXPECT_EQ(db.error().code, ErrorCode::not_found);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ConnectionTest, RefusesAFileThatIsNoDatabase) {
    FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    for (int i = 0; i < 1000; ++i)
        std::fputs("this is not a database\n", file);
    std::fclose(file);
    const auto db = Connection::open(path, Connection::Mode::read_write);
    ASSERT_FALSE(db);
    EXPECT_EQ(db.error().code, ErrorCode::storage_failed);
}

TEST_F(ConnectionTest, BindsAndReadsEachType) {
    auto db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (i INTEGER, t TEXT, b BLOB, n TEXT, m INTEGER) STRICT"));
    const Bytes bytes{0, 1, 255};
    const auto time = from_unix_ms(1'234'567'890'123);
    ASSERT_TRUE(db.run("INSERT INTO t VALUES (?, ?, ?, ?, ?)", std::int64_t{-5}, std::string_view("a\0b", 3),
                       bytes, std::optional<std::string>(), time));
    auto query = db.query("SELECT * FROM t WHERE i = ?", -5);
    ASSERT_TRUE(query);
    ASSERT_TRUE(*query->step());
    EXPECT_EQ(query->integer(0), -5);
    EXPECT_EQ(query->text(1), std::string("a\0b", 3));
    EXPECT_EQ(query->bytes(2), bytes);
    EXPECT_TRUE(query->is_null(3));
    EXPECT_EQ(query->optional_time(3), std::nullopt);
    EXPECT_EQ(query->time(4), time);
    EXPECT_FALSE(*query->step());
}

TEST_F(ConnectionTest, TellsEmptyFromNull) {
    auto db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (t TEXT NOT NULL, b BLOB NOT NULL) STRICT"));
    ASSERT_TRUE(db.run("INSERT INTO t VALUES (?, ?)", std::string_view(), ByteView()));
    auto query = db.query("SELECT * FROM t");
    ASSERT_TRUE(query && *query->step());
    EXPECT_FALSE(query->is_null(0));
    EXPECT_FALSE(query->is_null(1));
}

TEST_F(ConnectionTest, RefusesANumberThatDoesNotFit) {
    auto db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (i INTEGER) STRICT"));
    EXPECT_FALSE(db.run("INSERT INTO t VALUES (?)", std::uint64_t{1} << 63));
    EXPECT_TRUE(db.run("INSERT INTO t VALUES (?)", (std::uint64_t{1} << 63) - 1));
}

TEST_F(ConnectionTest, RefusesMoreThanOneStatement) {
    auto db = open();
    EXPECT_EQ(db.run("SELECT 1; SELECT 2").error().code, ErrorCode::internal);
    EXPECT_FALSE(db.run("SELEC 1"));
}

TEST_F(ConnectionTest, LendsACachedStatementOnceAtATime) {
    auto db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (i INTEGER) STRICT; INSERT INTO t VALUES (1), (2)"));
    auto outer = db.query("SELECT i FROM t ORDER BY i");
    ASSERT_TRUE(outer && *outer->step());
    {
        auto inner = db.query("SELECT i FROM t ORDER BY i");
        ASSERT_TRUE(inner && *inner->step());
        EXPECT_EQ(inner->integer(0), 1);
    }
    ASSERT_TRUE(*outer->step());
    EXPECT_EQ(outer->integer(0), 2);
}

TEST_F(ConnectionTest, MapsErrors) {
    auto db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, b BLOB) STRICT"));
    ASSERT_TRUE(db.run("INSERT INTO t VALUES (1, x'')"));
    EXPECT_EQ(db.run("INSERT INTO t VALUES (1, x'')").error().code, ErrorCode::already_exists);
    EXPECT_FALSE(db.take_severe_error());

    ASSERT_TRUE(db.execute("PRAGMA max_page_count = 4"));
    const auto full = db.run("INSERT INTO t VALUES (2, zeroblob(100000))");
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, ErrorCode::storage_full);
    EXPECT_NE(full.error().detail.find("13"), std::string::npos) << full.error().detail;
    EXPECT_EQ(db.take_severe_error()->code, ErrorCode::storage_full);
    EXPECT_FALSE(db.take_severe_error());
}

TEST_F(ConnectionTest, AReaderCannotWrite) {
    open();
    auto db = open(Connection::Mode::read_only);
    EXPECT_FALSE(db.execute("CREATE TABLE t (i INTEGER) STRICT"));
}

TEST_F(ConnectionTest, NamesTheLock) {
    auto one = open();
    auto two = *Connection::open(
        path, {.mode = Connection::Mode::read_write, .busy_timeout = std::chrono::milliseconds(1)});
    auto held = ScopedTransaction::begin(one, ScopedTransaction::Kind::write);
    ASSERT_TRUE(held);
    const auto refused = ScopedTransaction::begin(two, ScopedTransaction::Kind::write);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::storage_failed);
    EXPECT_NE(refused.error().message.find("another process"), std::string::npos);
}

TEST_F(ConnectionTest, AScopedTransactionRollsBackUnlessCommitted) {
    auto db = open();
    ASSERT_TRUE(db.execute("CREATE TABLE t (i INTEGER) STRICT"));
    for (const bool commit : {false, true}) {
        {
            auto transaction = ScopedTransaction::begin(db, ScopedTransaction::Kind::write);
            ASSERT_TRUE(transaction);
            ASSERT_TRUE(db.run("INSERT INTO t VALUES (1)"));
            if (commit) {
                ASSERT_TRUE(transaction->commit());
            }
        }
        EXPECT_FALSE(db.in_transaction());
        auto query = db.query("SELECT count(*) FROM t");
        ASSERT_TRUE(query && *query->step());
        EXPECT_EQ(query->integer(0), commit ? 1 : 0);
    }
}

TEST_F(ConnectionTest, AReadTransactionSeesOneSnapshot) {
    auto writer = open();
    ASSERT_TRUE(writer.execute("CREATE TABLE t (i INTEGER) STRICT"));
    auto reader = open(Connection::Mode::read_only);
    auto snapshot = ScopedTransaction::begin(reader, ScopedTransaction::Kind::read);
    ASSERT_TRUE(snapshot);
    ASSERT_TRUE(writer.run("INSERT INTO t VALUES (1)"));
    auto query = reader.query("SELECT count(*) FROM t");
    ASSERT_TRUE(query && *query->step());
    EXPECT_EQ(query->integer(0), 0);
}

}  // namespace
}  // namespace signet::sqlite
