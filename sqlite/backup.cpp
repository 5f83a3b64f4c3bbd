#include "sqlite/backup.h"

#include <sqlite3.h>
#include <unistd.h>

#include <memory>

#include "sqlite/audit_log.h"
#include "sqlite/audit_verify.h"
#include "sqlite/output_file.h"

namespace signet::sqlite {
namespace {

std::unexpected<Error> unsound(std::string detail) {
    return fail(
        ErrorCode::storage_failed,
        "the copy of the database is not sound; check the disk, and the database with: signetctl doctor",
        std::move(detail));
}

// Copies all pages in one step, which reads one snapshot: others may write meanwhile.
Status copy_pages(Connection& db, Connection& copy) {
    std::unique_ptr<sqlite3_backup, int (*)(sqlite3_backup*)> backup(
        sqlite3_backup_init(copy.handle(), "main", db.handle(), "main"), sqlite3_backup_finish);
    if (!backup)
        return std::unexpected(copy.error(sqlite3_extended_errcode(copy.handle()), "start the copy"));
    const int code = sqlite3_backup_step(backup.get(), -1);
    if (code == SQLITE_DONE) return {};
    return std::unexpected(copy.error(code, "copy the database"));
}

Status check_integrity(Connection& copy) {
    SIGNET_ASSIGN(auto integrity, copy.query("PRAGMA integrity_check(1)"));
    SIGNET_ASSIGN(const bool row, integrity.step());
    if (!row || integrity.text_view(0) != "ok")
        return unsound("integrity_check: " + (row ? integrity.text(0) : "nothing"));
    SIGNET_ASSIGN(auto foreign, copy.query("PRAGMA foreign_key_check"));
    SIGNET_ASSIGN(const bool orphan, foreign.step());
    if (orphan) return unsound("foreign_key_check: table " + foreign.text(0));
    return {};
}

Result<ChainHead> check_chain(Connection& copy) {
    SIGNET_ASSIGN(auto table, copy.query("SELECT count(*) FROM sqlite_schema WHERE name = 'audit_records'"));
    SIGNET_TRY(table.step());
    if (table.integer(0) == 0) return ChainHead{};
    table.reset();
    SIGNET_ASSIGN(const auto head, audit_log::head(copy));
    SIGNET_ASSIGN(auto base, audit_log::base(copy));
    if (head.sequence > base.sequence + kVerifiedTail) {
        SIGNET_ASSIGN(const auto start, audit_log::find(copy, head.sequence - kVerifiedTail));
        if (!start)
            return unsound("audit record " + std::to_string(head.sequence - kVerifiedTail) + " is missing");
        base = {start->record.sequence, start->hash};
    }
    const AuditVerifyOptions options{.check_signature = {}, .anchor = head, .progress = {}};
    ChainVerifier verifier(base, options);
    SIGNET_TRY(
        audit_log::visit(copy, base.sequence, kVerifiedTail, [&](const ChainedRecord& record) -> Status {
            verifier.record(record.record, record.hash);
            return {};
        }));
    const auto report = verifier.finish();
    if (!report.ok()) return unsound("audit chain: " + report.findings.front().message);
    return head;
}

}  // namespace

Result<BackupReport> backup_database(Connection& db, const std::filesystem::path& path) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored))
        return fail(ErrorCode::already_exists, path.string() + " exists already; choose another name");
    TemporaryFile temporary(path);
    BackupReport report;
    {
        SIGNET_ASSIGN(auto copy, Connection::open(temporary.path(), Connection::Mode::create));
        // Synced once, at the end; and one file, which needs no WAL beside it.
        SIGNET_TRY(copy.execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF"));
        SIGNET_TRY(copy_pages(db, copy));
        SIGNET_TRY(copy.execute("PRAGMA journal_mode = DELETE"));
        SIGNET_TRY(check_integrity(copy));
        SIGNET_ASSIGN(report.head, check_chain(copy));
    }
    SIGNET_ASSIGN(report.digest, digest_file(temporary.path(), &report.bytes));
    SIGNET_TRY(temporary.publish(path));
    return report;
}

}  // namespace signet::sqlite
