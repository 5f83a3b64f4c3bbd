#include "sqlite/paycontrol_transaction_store.h"

#include <algorithm>

namespace signet::sqlite::paycontrol_transaction_store {
namespace {

#define SIGNET_PC_TRANSACTION_QUERY                                                                        \
    "SELECT id, transaction_id, system_id, user_id, operation, type, status, data_type, text, markdown, "  \
    "binary, data_hash, snippet, snippet_markdown, push, callback_url, code_length, ttl, expires, "        \
    "extended, autosign, url_template, deeplink_only, app_start, app_extra, wrong_codes, created, ended, " \
    "outcome, extra FROM paycontrol_transactions "

std::optional<std::string> optional_text(const Statement& row, int column) {
    if (row.is_null(column)) return std::nullopt;
    return row.text(column);
}

PcTransaction transaction_of(const Statement& row) {
    PcTransaction value;
    value.id = row.integer(0);
    value.transaction_id = row.text(1);
    value.system_id = row.text(2);
    value.user_id = row.text(3);
    if (!row.is_null(4)) value.operation = row.integer(4);
    value.type = static_cast<PcType>(row.integer(5));
    value.status = static_cast<PcStatus>(row.integer(6));
    value.data_type = static_cast<PcDataType>(row.integer(7));
    value.text = row.text(8);
    value.markdown = row.boolean(9);
    value.binary = row.bytes(10);
    value.data_hash = row.bytes(11);
    value.snippet = optional_text(row, 12);
    value.snippet_markdown = row.boolean(13);
    value.push = row.boolean(14);
    value.callback_url = row.text(15);
    if (!row.is_null(16)) value.code_length = row.number32(16);
    value.ttl = row.number32(17);
    value.expires = row.optional_time(18);
    value.extended = row.boolean(19);
    value.autosign = row.boolean(20);
    value.url_template = optional_text(row, 21);
    value.deeplink_only = row.boolean(22);
    value.app_start = optional_text(row, 23);
    value.app_extra = optional_text(row, 24);
    value.wrong_codes = row.number32(25);
    value.created = row.time(26);
    value.ended = row.optional_time(27);
    value.outcome = static_cast<PcOutcome>(row.integer(28));
    value.extra = row.text(29);
    return value;
}

Result<std::vector<PcTransaction>> all(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    std::vector<PcTransaction> found;
    while (true) {
        SIGNET_ASSIGN(const bool row, query->step());
        if (!row) return found;
        found.push_back(transaction_of(*query));
    }
}

Result<std::optional<PcTransaction>> one(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return transaction_of(*query);
}

#define SIGNET_PC_ATTEMPT_COLUMNS                                                                \
    "a.id, a.transaction_row, a.event_id, a.result, a.signature, a.confirm_code, a.check_time, " \
    "a.gost_imit, a.scoring, a.scoring_settings, a.scoring_details, a.created, a.key_id, a.public_key_id"

PcConfirmAttempt attempt_of(const Statement& row) {
    PcConfirmAttempt attempt;
    attempt.id = row.integer(0);
    attempt.transaction = row.integer(1);
    attempt.event_id = row.integer(2);
    attempt.result = row.number32(3);
    attempt.signature = row.text(4);
    attempt.confirm_code = row.text(5);
    attempt.check_time = row.integer(6);
    attempt.gost_imit = row.text(7);
    attempt.scoring = row.text(8);
    attempt.scoring_settings = row.text(9);
    attempt.scoring_details = row.text(10);
    attempt.created = row.time(11);
    if (!row.is_null(12)) attempt.key_id = row.integer(12);
    if (!row.is_null(13)) attempt.public_key_id = row.integer(13);
    return attempt;
}

}  // namespace

Result<std::int64_t> insert(Transaction& transaction, const PcTransaction& value) {
    auto& db = transaction.db();
    auto inserted = db.run(
        "INSERT INTO paycontrol_transactions (transaction_id, system_id, user_id, operation, type, status, "
        "data_type, text, markdown, binary, data_hash, snippet, snippet_markdown, push, callback_url, "
        "code_length, ttl, expires, extended, autosign, url_template, deeplink_only, app_start, app_extra, "
        "created, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?)",
        value.transaction_id, value.system_id, value.user_id, value.operation, static_cast<int>(value.type),
        static_cast<int>(value.status), static_cast<int>(value.data_type), value.text, value.markdown,
        value.binary, value.data_hash, value.snippet, value.snippet_markdown, value.push, value.callback_url,
        value.code_length, value.ttl, value.expires, value.extended, value.autosign, value.url_template,
        value.deeplink_only, value.app_start, value.app_extra, value.created, value.extra);
    if (!inserted) return std::unexpected(std::move(inserted).error());
    return db.last_insert_id();
}

Result<std::optional<PcTransaction>> find(Connection& db, std::string_view system_id,
                                          std::string_view user_id, std::string_view transaction_id) {
    return one(db.query(SIGNET_PC_TRANSACTION_QUERY
                        "WHERE transaction_id = ? AND system_id = ? AND user_id = ?",
                        transaction_id, system_id, user_id));
}

Result<std::optional<PcTransaction>> find_row(Connection& db, std::int64_t row) {
    return one(db.query(SIGNET_PC_TRANSACTION_QUERY "WHERE id = ?", row));
}

Result<std::vector<std::string>> unfinished(Connection& db, std::string_view system_id,
                                            std::string_view user_id, bool autosign_only, SystemTime now,
                                            std::size_t limit) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT transaction_id FROM paycontrol_transactions WHERE ended IS NULL AND "
                           "system_id = ? AND user_id = ? AND operation IS NULL AND autosign >= ? AND "
                           "(expires IS NULL OR expires > ?) ORDER BY id DESC LIMIT ?",
                           system_id, user_id, autosign_only, now, std::uint64_t{limit}));
    std::vector<std::string> ids;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return ids;
        ids.push_back(query.text(0));
    }
}

Result<std::vector<PcTransaction>> of_operation(Connection& db, std::int64_t operation) {
    return all(db.query(SIGNET_PC_TRANSACTION_QUERY "WHERE operation = ? ORDER BY id", operation));
}

Result<bool> advance(Transaction& transaction, std::int64_t row, PcStatus to) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE paycontrol_transactions SET status = ?1 WHERE id = ?2 AND ended IS NULL AND "
               "status < ?1",
               static_cast<int>(to), row));
    return db.changes() == 1;
}

Result<bool> finish(Transaction& transaction, const PcTransaction& value, const Finish& how, SystemTime now) {
    auto& db = transaction.db();
    const auto outcome = how.outcome;
    const bool confirmed = outcome == PcOutcome::confirmed || outcome == PcOutcome::autosigned;
    const auto status = confirmed ? PcStatus::confirmed : PcStatus::declined;
    SIGNET_TRY(db.run(
        "UPDATE paycontrol_transactions SET status = ?1, outcome = ?2, ended = ?3 WHERE id = ?4 "
        "AND ended IS NULL AND (expires IS NULL OR expires > ?3) = ?5 AND (?6 IS NULL OR wrong_codes < ?6)",
        static_cast<int>(status), static_cast<int>(outcome), now, value.id, outcome != PcOutcome::timed_out,
        how.wrong_limit));
    if (db.changes() != 1) return false;
    if (how.clean)
        SIGNET_TRY(
            db.run("UPDATE paycontrol_transactions SET text = '', binary = x'', snippet = NULL, "
                   "data_type = ? WHERE id = ?",
                   static_cast<int>(PcDataType::empty), value.id));
    if (value.operation)
        SIGNET_TRY(db.run("UPDATE paycontrol_operations SET unfinished = unfinished - 1 WHERE id = ?",
                          *value.operation));
    return true;
}

Result<std::uint32_t> count_wrong_code(Transaction& transaction, std::int64_t row) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run("UPDATE paycontrol_transactions SET wrong_codes = wrong_codes + 1 WHERE id = ?", row));
    SIGNET_ASSIGN(auto query, db.query("SELECT wrong_codes FROM paycontrol_transactions WHERE id = ?", row));
    SIGNET_TRY(query.step());
    return query.number32(0);
}

Result<std::vector<PcTransaction>> expired(Connection& db, SystemTime now, std::size_t limit) {
    return all(db.query(SIGNET_PC_TRANSACTION_QUERY
                        "WHERE ended IS NULL AND expires IS NOT NULL AND operation IS NULL AND expires <= ? "
                        "ORDER BY expires LIMIT ?",
                        now, std::uint64_t{limit}));
}

Result<std::int64_t> insert_attempt(Transaction& transaction, const PcConfirmAttempt& attempt) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run(
        "INSERT INTO paycontrol_confirm_attempts (transaction_row, event_id, result, signature, "
        "confirm_code, check_time, gost_imit, scoring, scoring_settings, scoring_details, created, key_id, "
        "public_key_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        attempt.transaction, attempt.event_id, attempt.result, attempt.signature, attempt.confirm_code,
        attempt.check_time, attempt.gost_imit, attempt.scoring, attempt.scoring_settings,
        attempt.scoring_details, attempt.created, attempt.key_id, attempt.public_key_id));
    return db.last_insert_id();
}

Result<std::vector<PcConfirmAttempt>> attempts(Connection& db, std::int64_t row, std::size_t limit) {
    SIGNET_ASSIGN(auto query, db.query("SELECT " SIGNET_PC_ATTEMPT_COLUMNS
                                       " FROM paycontrol_confirm_attempts a WHERE a.transaction_row = ? "
                                       "ORDER BY a.id DESC LIMIT ?",
                                       row, std::uint64_t{limit}));
    std::vector<PcConfirmAttempt> found;
    while (true) {
        SIGNET_ASSIGN(const bool more, query.step());
        if (!more) break;
        found.push_back(attempt_of(query));
    }
    std::ranges::reverse(found);
    return found;
}

Result<std::optional<PcConfirmAttempt>> find_attempt(Connection& db, std::string_view system_id,
                                                     std::string_view user_id, std::int64_t attempt) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT " SIGNET_PC_ATTEMPT_COLUMNS
                           " FROM paycontrol_confirm_attempts a JOIN paycontrol_transactions t ON "
                           "t.id = a.transaction_row WHERE a.id = ? AND t.system_id = ? AND "
                           "t.user_id = ?",
                           attempt, system_id, user_id));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return std::nullopt;
    return attempt_of(query);
}

Result<std::size_t> prune(Transaction& transaction, SystemTime before, std::size_t limit) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("DELETE FROM paycontrol_transactions WHERE id IN (SELECT id FROM "
               "paycontrol_transactions WHERE created < ? LIMIT ?)",
               before, std::uint64_t{limit}));
    return static_cast<std::size_t>(db.changes());
}

Result<std::uint32_t> wrong_codes(Connection& db, ByteView scope, SystemTime now) {
    SIGNET_ASSIGN(
        auto query,
        db.query("SELECT wrong FROM paycontrol_code_attempts WHERE scope = ? AND expires > ?", scope, now));
    SIGNET_ASSIGN(const bool row, query.step());
    return row ? query.number32(0) : 0U;
}

Status add_wrong_code(Transaction& transaction, ByteView scope, SystemTime now, SystemTime expires) {
    return transaction.db().run(
        "INSERT INTO paycontrol_code_attempts (scope, wrong, expires) VALUES (?1, 1, ?3) ON CONFLICT (scope) "
        "DO "
        "UPDATE SET wrong = CASE WHEN expires <= ?2 THEN 1 ELSE wrong + 1 END, expires = CASE WHEN expires "
        "<= "
        "?2 THEN ?3 ELSE expires END",
        scope, now, expires);
}

Result<std::size_t> prune_wrong_codes(Transaction& transaction, SystemTime now, std::size_t limit) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("DELETE FROM paycontrol_code_attempts WHERE scope IN (SELECT scope FROM "
               "paycontrol_code_attempts WHERE expires <= ? LIMIT ?)",
               now, std::uint64_t{limit}));
    return static_cast<std::size_t>(db.changes());
}

}  // namespace signet::sqlite::paycontrol_transaction_store
