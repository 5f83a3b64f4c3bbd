#include "sqlite/intent_store.h"

namespace signet::sqlite::intent_store {

Result<std::int64_t> open(Transaction& transaction, const Intent& intent) {
    auto& db = transaction.db();
    auto inserted = db.run(
        "INSERT INTO intents (action, object, principal, request_id, parameters, opened, audit) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        intent.action, intent.object, intent.principal, intent.request_id, intent.parameters, intent.opened,
        intent.audit);
    if (!inserted) {
        auto error = std::move(inserted).error();
        if (error.code == ErrorCode::already_exists) {
            error.code = ErrorCode::conflict;
            error.message = "another change of " + intent.object + " is under way; try again when it is done";
        }
        return std::unexpected(std::move(error));
    }
    return db.last_insert_id();
}

Status settle(Transaction& transaction, std::int64_t id, std::string_view outcome, SystemTime now) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run("UPDATE intents SET settled = ?, outcome = ? WHERE id = ? AND settled IS NULL", now,
                      outcome, id));
    if (db.changes() != 1) return fail(ErrorCode::not_found, "there is no open intent " + std::to_string(id));
    return {};
}

Result<std::vector<Intent>> list_open(Connection& db) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT id, action, object, principal, request_id, parameters, opened, audit "
                           "FROM intents WHERE settled IS NULL ORDER BY id"));
    std::vector<Intent> found;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return found;
        found.push_back(Intent{.id = query.integer(0),
                               .action = query.text(1),
                               .object = query.text(2),
                               .principal = query.text(3),
                               .request_id = query.text(4),
                               .parameters = query.text(5),
                               .opened = query.time(6),
                               .audit = query.number(7)});
    }
}

}  // namespace signet::sqlite::intent_store
