#include "sqlite/paycontrol_operation_store.h"

namespace signet::sqlite::paycontrol_operation_store {
namespace {

#define SIGNET_PC_OPERATION_QUERY                                                                           \
    "SELECT id, operation_id, system_id, user_id, status, description, markdown, push, callback_url, ttl, " \
    "extended, code_length, app_extra, expires, unfinished, total, created, ended FROM "                    \
    "paycontrol_operations "

PcOperation operation_of(const Statement& row) {
    PcOperation value;
    value.id = row.integer(0);
    value.operation_id = row.text(1);
    value.system_id = row.text(2);
    value.user_id = row.text(3);
    value.status = static_cast<PcOperationStatus>(row.integer(4));
    if (!row.is_null(5)) value.description = row.text(5);
    value.markdown = row.boolean(6);
    value.push = row.boolean(7);
    value.callback_url = row.text(8);
    value.ttl = row.number32(9);
    value.extended = row.boolean(10);
    if (!row.is_null(11)) value.code_length = row.number32(11);
    if (!row.is_null(12)) value.app_extra = row.text(12);
    value.expires = row.optional_time(13);
    value.unfinished = row.number32(14);
    value.total = row.number32(15);
    value.created = row.time(16);
    value.ended = row.optional_time(17);
    return value;
}

Result<std::optional<PcOperation>> one(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return operation_of(*query);
}

}  // namespace

Result<std::int64_t> insert(Transaction& transaction, const PcOperation& value) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run(
        "INSERT INTO paycontrol_operations (operation_id, system_id, user_id, status, description, markdown, "
        "push, callback_url, ttl, extended, code_length, app_extra, expires, unfinished, total, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        value.operation_id, value.system_id, value.user_id, static_cast<int>(value.status), value.description,
        value.markdown, value.push, value.callback_url, value.ttl, value.extended, value.code_length,
        value.app_extra, value.expires, value.unfinished, value.total, value.created));
    return db.last_insert_id();
}

Result<std::optional<PcOperation>> find(Connection& db, std::string_view system_id, std::string_view user_id,
                                        std::string_view operation_id) {
    return one(db.query(SIGNET_PC_OPERATION_QUERY "WHERE operation_id = ? AND system_id = ? AND user_id = ?",
                        operation_id, system_id, user_id));
}

Result<std::vector<std::string>> unfinished(Connection& db, std::string_view system_id,
                                            std::string_view user_id, SystemTime now, std::size_t limit) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT operation_id FROM paycontrol_operations WHERE ended IS NULL AND "
                           "system_id = ? AND user_id = ? AND (expires IS NULL OR expires > ?) "
                           "ORDER BY id DESC LIMIT ?",
                           system_id, user_id, now, std::uint64_t{limit}));
    std::vector<std::string> ids;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return ids;
        ids.push_back(query.text(0));
    }
}

Status grow(Transaction& transaction, std::int64_t row, std::uint32_t more, SystemTime now) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE paycontrol_operations SET unfinished = unfinished + ?1, total = total + ?1 WHERE "
               "id = ?2 AND ended IS NULL AND (expires IS NULL OR expires > ?3)",
               more, row, now));
    if (db.changes() != 1) return fail(ErrorCode::conflict, "the operation ended meanwhile");
    return {};
}

Result<PcOperation> settle(Transaction& transaction, std::int64_t row, SystemTime now) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE paycontrol_operations SET status = CASE WHEN unfinished = 0 THEN 4 WHEN unfinished "
               "< total THEN 3 ELSE status END, ended = CASE WHEN unfinished = 0 THEN ?1 END WHERE id = "
               "?2 AND ended IS NULL",
               now, row));
    SIGNET_ASSIGN(auto found, one(db.query(SIGNET_PC_OPERATION_QUERY "WHERE id = ?", row)));
    if (!found) return fail(ErrorCode::not_found, "there is no such operation");
    return *std::move(found);
}

Result<std::vector<PcOperation>> expired(Connection& db, SystemTime now, std::size_t limit) {
    SIGNET_ASSIGN(auto query,
                  db.query(SIGNET_PC_OPERATION_QUERY
                           "WHERE ended IS NULL AND expires IS NOT NULL AND expires <= ? ORDER BY "
                           "expires LIMIT ?",
                           now, std::uint64_t{limit}));
    std::vector<PcOperation> found;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return found;
        found.push_back(operation_of(query));
    }
}

Result<std::size_t> prune(Transaction& transaction, SystemTime before, std::size_t limit) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("DELETE FROM paycontrol_operations WHERE id IN (SELECT o.id FROM paycontrol_operations o "
               "WHERE o.created < ? AND NOT EXISTS (SELECT 1 FROM paycontrol_transactions t WHERE "
               "t.operation = o.id) LIMIT ?)",
               before, std::uint64_t{limit}));
    return static_cast<std::size_t>(db.changes());
}

}  // namespace signet::sqlite::paycontrol_operation_store
