#include "sqlite/migrations.h"

#include "sqlite/database_lock.h"
#include "tests/sqlite/database_fixture.h"

namespace signet::sqlite {
namespace {

class MigrationsTest : public DatabaseTest {
  protected:
    Result<MigrationReport> migrate_to(std::vector<Migration> migrations, std::string_view name = "tests") {
        const auto all = all_migrations();
        std::vector<MigrationFamily> families(all.begin(), all.end());
        families.push_back({name, migrations});
        auto db = open();
        return migrate(db, families, clock);
    }
    std::int64_t count(const std::string& sql) const {
        auto db = read_only();
        auto query = must(db.query(sql));
        must(query.step());
        return query.integer(0);
    }
    std::size_t copies() const {
        std::size_t found = 0;
        for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
            found += entry.path().filename().string().find(".before-") != std::string::npos ? 1U : 0U;
        return found;
    }
    const Migration first{1, "CREATE TABLE a (i INTEGER) STRICT; INSERT INTO a VALUES (1);"};
    const Migration second{2, "ALTER TABLE a ADD COLUMN t TEXT; UPDATE a SET t = 'x';"};
};

TEST_F(MigrationsTest, AppliesEachOnceAndInOrder) {
    EXPECT_EQ(must(migrate_to({first})).applied, 1);
    EXPECT_EQ(must(migrate_to({first})).applied, 0);
    EXPECT_EQ(must(migrate_to({first, second})).applied, 1);
    EXPECT_EQ(count("SELECT count(*) FROM a WHERE t = 'x'"), 1);
    EXPECT_EQ(count("SELECT count(*) FROM schema_migrations WHERE family = 'tests'"), 2);
}

TEST_F(MigrationsTest, CopiesAnExistingDatabaseFirst) {
    EXPECT_EQ(copies(), 0U) << "a new database needs none";
    const auto report = must(migrate_to({first}));
    ASSERT_TRUE(report.copy);
    EXPECT_EQ(report.copy->filename(), "signet.db.before-tests-1-20231114T221320000Z");
    auto copy = must(Connection::open(*report.copy, Connection::Mode::read_only));
    auto query = must(copy.query("SELECT count(*) FROM sqlite_schema WHERE name = 'a'"));
    must(query.step());
    EXPECT_EQ(query.integer(0), 0) << "as it was before";
    EXPECT_FALSE(must(migrate_to({first})).copy);
    EXPECT_EQ(copies(), 1U);
}

TEST_F(MigrationsTest, AFailureLeavesTheDatabaseAsItWas) {
    const auto failed =
        migrate_to({first, {2, "CREATE TABLE b (i INTEGER) STRICT; INSERT INTO nowhere VALUES (1)"}});
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.find("tests/2"), std::string::npos);
    EXPECT_EQ(count("SELECT count(*) FROM sqlite_schema WHERE name IN ('a', 'b')"), 0);
    clock.advance(std::chrono::seconds(1));
    EXPECT_EQ(must(migrate_to({first, second})).applied, 2);
}

TEST_F(MigrationsTest, RefusesANewerDatabase) {
    must(migrate_to({first, second}));
    const auto older = migrate_to({first});
    ASSERT_FALSE(older);
    EXPECT_EQ(older.error().code, ErrorCode::failed_precondition);
    EXPECT_NE(older.error().message.find("newer version of signet (it knows migration tests/2)"),
              std::string::npos);
    auto db = open();
    const auto without_family = migrate(db, all_migrations(), clock);
    ASSERT_FALSE(without_family);
    EXPECT_NE(without_family.error().message.find("tests/1"), std::string::npos);
}

TEST_F(MigrationsTest, RefusesAChangedMigration) {
    must(migrate_to({first}));
    const auto changed = migrate_to({{1, "CREATE TABLE a (i INTEGER, extra TEXT) STRICT"}, second});
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, ErrorCode::failed_precondition);
    EXPECT_NE(changed.error().message.find("tests/1"), std::string::npos);
    EXPECT_NE(changed.error().message.find("another text"), std::string::npos);
}

TEST_F(MigrationsTest, RefusesAForeignDatabase) {
    auto db = must(Connection::open(directory / "other.db", Connection::Mode::create));
    must(db.execute("CREATE TABLE bookmarks (url TEXT)"));
    const auto refused = migrate(db, std::span(&core_migrations(), 1), clock);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("something else"), std::string::npos);
}

TEST_F(MigrationsTest, RefusesAGapInTheNumbers) {
    EXPECT_EQ(migrate_to({first, {3, "SELECT 1"}}).error().code, ErrorCode::internal);
}

TEST_F(MigrationsTest, CoreTablesAreStrict) {
    EXPECT_EQ(
        count(
            "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict "
            "AND name NOT LIKE 'sqlite_%'"),
        0);
}

TEST_F(MigrationsTest, OneProcessOwnsTheDatabase) {
    auto lock = DatabaseLock::acquire(path, "signetd");
    ASSERT_TRUE(lock);
    const auto second_lock = DatabaseLock::acquire(path, "signetctl ceremony");
    ASSERT_FALSE(second_lock);
    EXPECT_EQ(second_lock.error().code, ErrorCode::conflict);
    EXPECT_NE(
        second_lock.error().message.find("in use by signetd (process " + std::to_string(::getpid()) + ")"),
        std::string::npos)
        << second_lock.error().message;
    {
        const auto gone = *std::move(lock);
    }
    EXPECT_TRUE(DatabaseLock::acquire(path, "signetctl ceremony"));
}

}  // namespace
}  // namespace signet::sqlite
