#include "sqlite/idempotency_store.h"

#include <algorithm>

namespace signet::sqlite::idempotency_store {

Result<Claim> claim(Transaction& transaction, const IdempotencyScope& scope, const Sha256& request,
                    SystemTime now, SystemTime expires) {
    auto& db = transaction.db();
    {
        SIGNET_ASSIGN(
            auto query,
            db.query("SELECT request_digest, done, status, content_type, body, sealed FROM idempotency "
                     "WHERE principal = ? AND route = ? AND key = ? AND expires > ?",
                     scope.principal, scope.route, scope.key, now));
        SIGNET_ASSIGN(const bool row, query.step());
        if (row) {
            if (!std::ranges::equal(query.bytes_view(0), request)) return Different{};
            if (!query.boolean(1)) return InFlight{};
            return IdempotentAnswer{.status = query.number32(2),
                                    .content_type = query.text(3),
                                    .body = query.bytes(4),
                                    .sealed = query.boolean(5)};
        }
    }
    SIGNET_TRY(
        db.run("INSERT OR REPLACE INTO idempotency (principal, route, key, request_digest, done, status, "
               "content_type, "
               "body, sealed, expires) VALUES (?, ?, ?, ?, 0, 0, '', x'', 0, ?)",
               scope.principal, scope.route, scope.key, ByteView(request), expires));
    return Fresh{};
}

Status finish(Transaction& transaction, const IdempotencyScope& scope, const IdempotentAnswer& answer,
              SystemTime expires) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run(
        "UPDATE idempotency SET done = 1, status = ?, content_type = ?, body = ?, sealed = ?, expires = ? "
        "WHERE principal = ? AND route = ? AND key = ? AND done = 0",
        answer.status, answer.content_type, answer.body, answer.sealed, expires, scope.principal, scope.route,
        scope.key));
    if (db.changes() != 1) return fail(ErrorCode::not_found, "the idempotency key is not in flight");
    return {};
}

Status release(Transaction& transaction, const IdempotencyScope& scope) {
    return transaction.db().run(
        "DELETE FROM idempotency WHERE principal = ? AND route = ? AND key = ? AND done = 0", scope.principal,
        scope.route, scope.key);
}

Status bind(Transaction& transaction, const IdempotencyScope& scope, std::int64_t intent) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE idempotency SET intent = ? WHERE principal = ? AND route = ? AND key = ? AND done = 0",
               intent, scope.principal, scope.route, scope.key));
    if (db.changes() != 1) return fail(ErrorCode::not_found, "the idempotency key is not in flight");
    return {};
}

Status finish_bound(Transaction& transaction, std::int64_t intent, const IdempotentAnswer& answer,
                    SystemTime expires) {
    return transaction.db().run(
        "UPDATE idempotency SET done = 1, status = ?, content_type = ?, body = ?, sealed = ?, expires = ? "
        "WHERE intent = ? AND done = 0",
        answer.status, answer.content_type, answer.body, answer.sealed, expires, intent);
}

Status release_bound(Transaction& transaction, std::int64_t intent) {
    return transaction.db().run("DELETE FROM idempotency WHERE intent = ? AND done = 0", intent);
}

Result<std::size_t> release_in_flight(Transaction& transaction) {
    SIGNET_TRY(transaction.db().run(
        "DELETE FROM idempotency WHERE done = 0 AND (intent IS NULL OR intent NOT IN (SELECT id FROM intents "
        "WHERE settled IS NULL))"));
    return static_cast<std::size_t>(transaction.db().changes());
}

}  // namespace signet::sqlite::idempotency_store
