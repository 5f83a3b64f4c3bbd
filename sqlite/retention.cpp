#include "sqlite/retention.h"

#include <string_view>

namespace signet::sqlite {
namespace {

// `sql` deletes at most ?2 rows that ended before ?1.
Result<std::uint64_t> remove(Connection& db, std::string_view sql, SystemTime before, std::size_t limit) {
    SIGNET_TRY(db.run(sql, before, std::uint64_t{limit}));
    return static_cast<std::uint64_t>(db.changes());
}

}  // namespace

Result<RetentionReport> prune(Transaction& transaction, const RetentionLimits& limits, SystemTime now,
                              std::size_t limit) {
    auto& db = transaction.db();
    RetentionReport report;
    SIGNET_ASSIGN(report.idempotency, remove(db,
                                             "DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM "
                                             "idempotency WHERE expires <= ?1 LIMIT ?2)",
                                             now, limit));
    SIGNET_ASSIGN(report.certificates, remove(db,
                                              "DELETE FROM certificates WHERE id IN (SELECT id FROM "
                                              "certificates WHERE not_after < ?1 LIMIT ?2)",
                                              now - limits.certificates, limit));
    SIGNET_ASSIGN(
        report.crls,
        remove(db,
               "DELETE FROM crls WHERE rowid IN (SELECT old.rowid FROM crls old WHERE old.next_update < ?1 "
               "AND EXISTS "
               "(SELECT 1 FROM crls newer WHERE newer.ca = old.ca AND newer.ca_version = old.ca_version "
               "AND newer.number > old.number) LIMIT ?2)",
               now - limits.crls, limit));
    SIGNET_ASSIGN(
        const auto delivered,
        remove(
            db,
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state = 2 AND ended < ?1 LIMIT ?2)",
            now - limits.delivered, limit));
    SIGNET_ASSIGN(
        const auto dead,
        remove(
            db,
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state = 3 AND ended < ?1 LIMIT ?2)",
            now - limits.dead_letters, limit));
    report.outbox = delivered + dead;
    SIGNET_ASSIGN(
        report.intents,
        remove(db, "DELETE FROM intents WHERE id IN (SELECT id FROM intents WHERE settled < ?1 LIMIT ?2)",
               now - limits.intents, limit));
    // What was decided, and by whom, stays in the audit chain.
    SIGNET_TRY(
        remove(db,
               "DELETE FROM approval_decisions WHERE approval IN (SELECT id FROM approvals WHERE ended < "
               "?1 ORDER BY ended, id LIMIT ?2)",
               now - limits.approvals, limit));
    SIGNET_ASSIGN(report.approvals, remove(db,
                                           "DELETE FROM approvals WHERE id IN (SELECT id FROM approvals "
                                           "WHERE ended < ?1 ORDER BY ended, id LIMIT ?2)",
                                           now - limits.approvals, limit));
    return report;
}

Result<RetentionReport> prune_all(Writer& writer, const RetentionLimits& limits, SystemTime now) {
    RetentionReport total;
    while (true) {
        RetentionReport report;
        SIGNET_TRY(writer.run([&](Transaction& transaction) -> Status {
            SIGNET_ASSIGN(report, prune(transaction, limits, now));
            return {};
        }));
        if (report.total() == 0) return total;
        total.idempotency += report.idempotency;
        total.certificates += report.certificates;
        total.crls += report.crls;
        total.outbox += report.outbox;
        total.intents += report.intents;
        total.approvals += report.approvals;
    }
}

}  // namespace signet::sqlite
