#include "sqlite/migrations.h"

#include <algorithm>
#include <string>

#include "base/digest.h"
#include "sqlite/backup.h"

namespace signet::sqlite {
namespace {

constexpr auto kTable = R"sql(
CREATE TABLE schema_migrations (
    family  TEXT NOT NULL,
    number  INTEGER NOT NULL,
    sha256  BLOB NOT NULL,
    applied INTEGER NOT NULL,
    PRIMARY KEY (family, number)
) STRICT)sql";

struct Pending {
    const MigrationFamily* family;
    const Migration* migration;
};

Result<bool> has_tables(Connection& db, std::string_view name) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT count(*) FROM sqlite_schema WHERE ?1 = '' OR name = ?1", name));
    SIGNET_TRY(query.step());
    return query.integer(0) > 0;
}

std::unexpected<Error> newer(Connection& db, std::string_view family, std::int64_t number) {
    return fail(ErrorCode::failed_precondition,
                "the database " + db.path().string() +
                    " was used by a newer version of signet (it knows migration " + std::string(family) +
                    "/" + std::to_string(number) +
                    "); install that version, or restore the copy made before the upgrade");
}

Status check_definition(const MigrationFamily& family) {
    for (std::size_t i = 0; i < family.migrations.size(); ++i)
        if (family.migrations[i].number != static_cast<int>(i) + 1)
            return fail(ErrorCode::internal,
                        "the migrations of family " + std::string(family.name) + " are not numbered 1, 2, 3");
    return {};
}

// Compares what was applied with what this version knows.
Status check_applied(Connection& db, std::span<const MigrationFamily> families) {
    SIGNET_ASSIGN(auto applied,
                  db.query("SELECT family, number, sha256 FROM schema_migrations ORDER BY family, number"));
    while (true) {
        SIGNET_ASSIGN(const bool row, applied.step());
        if (!row) return {};
        const auto name = applied.text(0);
        const auto number = applied.integer(1);
        const auto family = std::ranges::find(families, name, &MigrationFamily::name);
        if (family == families.end() || number > static_cast<std::int64_t>(family->migrations.size()) ||
            number < 1)
            return newer(db, name, number);
        const auto& migration = family->migrations[static_cast<std::size_t>(number - 1)];
        if (!std::ranges::equal(sha256(as_bytes(migration.sql)), applied.bytes_view(2)))
            return fail(
                ErrorCode::failed_precondition,
                "migration " + name + "/" + std::to_string(number) + " of the database " +
                    db.path().string() +
                    " has another text than this version's; it was made by a build that was never released");
    }
}

Result<std::vector<Pending>> find_pending(Connection& db, std::span<const MigrationFamily> families,
                                          bool any_applied) {
    std::vector<Pending> pending;
    for (const auto& family : families) {
        std::int64_t last = 0;
        if (any_applied) {
            SIGNET_ASSIGN(auto query,
                          db.query("SELECT coalesce(max(number), 0) FROM schema_migrations WHERE family = ?",
                                   family.name));
            SIGNET_TRY(query.step());
            last = query.integer(0);
        }
        for (const auto& migration : family.migrations)
            if (migration.number > last) pending.push_back({&family, &migration});
    }
    return pending;
}

std::filesystem::path copy_path(Connection& db, const Pending& first, SystemTime now) {
    auto time = to_rfc3339(now);
    std::erase_if(time, [](char c) { return c == ':' || c == '-' || c == '.'; });
    auto path = db.path();
    path += ".before-" + std::string(first.family->name) + "-" + std::to_string(first.migration->number) +
            "-" + time;
    return path;
}

Status apply(Connection& db, const Pending& pending, SystemTime now) {
    if (auto applied = db.execute(std::string(pending.migration->sql)); !applied) {
        auto error = std::move(applied).error();
        error.message = "migration " + std::string(pending.family->name) + "/" +
                        std::to_string(pending.migration->number) +
                        " failed; the database is as it was: " + error.message;
        return std::unexpected(std::move(error));
    }
    return db.run("INSERT INTO schema_migrations (family, number, sha256, applied) VALUES (?, ?, ?, ?)",
                  pending.family->name, pending.migration->number,
                  ByteView(sha256(as_bytes(pending.migration->sql))), now);
}

}  // namespace

Result<MigrationReport> migrate(Connection& db, std::span<const MigrationFamily> families,
                                const Clock& clock) {
    for (const auto& family : families)
        SIGNET_TRY(check_definition(family));
    SIGNET_ASSIGN(const bool any_table, has_tables(db, ""));
    SIGNET_ASSIGN(const bool any_applied, has_tables(db, "schema_migrations"));
    if (any_table && !any_applied)
        return fail(ErrorCode::failed_precondition,
                    db.path().string() + " is a database of something else; choose another path");
    if (any_applied) SIGNET_TRY(check_applied(db, families));
    SIGNET_ASSIGN(const auto pending, find_pending(db, families, any_applied));
    MigrationReport report;
    if (pending.empty()) return report;

    const auto now = clock.now();
    if (any_applied) {
        report.copy = copy_path(db, pending.front(), now);
        SIGNET_TRY(backup_database(db, *report.copy));
    }
    SIGNET_ASSIGN(auto transaction, ScopedTransaction::begin(db, ScopedTransaction::Kind::write));
    if (!any_applied) SIGNET_TRY(db.execute(kTable));
    for (const auto& one : pending)
        SIGNET_TRY(apply(db, one, now));
    SIGNET_TRY(transaction.commit());
    report.applied = static_cast<int>(pending.size());
    return report;
}

}  // namespace signet::sqlite
