#include "sqlite/outbox_store.h"

namespace signet::sqlite {

std::string_view to_string(OutboxState state) {
    switch (state) {
        case OutboxState::waiting:
            return "waiting";
        case OutboxState::delivered:
            return "delivered";
        case OutboxState::dead:
            return "dead";
    }
    return "unknown";
}

namespace outbox_store {
namespace {

constexpr std::size_t kMaxBody = std::size_t{1} << 20;
constexpr std::size_t kMaxHeaders = std::size_t{16} << 10;
constexpr std::size_t kMaxContext = 4096;
constexpr std::size_t kMaxError = 1024;
#define SIGNET_OUTBOX_QUERY                                                                       \
    "SELECT id, destination, kind, verb, url, headers, body, context, state, attempts, created, " \
    "next_at, last_error FROM outbox "

Result<std::vector<OutboxMessage>> all(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    std::vector<OutboxMessage> found;
    while (true) {
        SIGNET_ASSIGN(const bool row, query->step());
        if (!row) return found;
        found.push_back(OutboxMessage{.id = query->integer(0),
                                      .destination = query->text(1),
                                      .kind = query->text(2),
                                      .verb = query->text(3),
                                      .url = query->text(4),
                                      .headers = query->text(5),
                                      .body = query->bytes(6),
                                      .context = query->text(7),
                                      .state = static_cast<OutboxState>(query->integer(8)),
                                      .attempts = query->number32(9),
                                      .created = query->time(10),
                                      .next_at = query->time(11),
                                      .last_error = query->text(12)});
    }
}

Status changed_one(Connection& db, std::int64_t id) {
    if (db.changes() != 1)
        return fail(ErrorCode::not_found,
                    "there is no such message " + std::to_string(id) + " in the outbox");
    return {};
}

}  // namespace

Result<std::int64_t> enqueue(Transaction& transaction, const OutboxMessage& message) {
    if (message.body.size() > kMaxBody || message.headers.size() > kMaxHeaders ||
        message.context.size() > kMaxContext)
        return fail(
            ErrorCode::too_large,
            "a message for the outbox is over 1 MiB, its headers over 16 KiB or its context over 4 KiB");
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("INSERT INTO outbox (destination, kind, verb, url, headers, body, context, state, attempts, "
               "created, next_at, last_error) "
               "VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, ?, ?, '')",
               message.destination, message.kind, message.verb, message.url, message.headers, message.body,
               message.context, message.created, message.next_at));
    return db.last_insert_id();
}

Result<std::vector<OutboxMessage>> due(Connection& db, SystemTime now, std::size_t limit) {
    return all(db.query(SIGNET_OUTBOX_QUERY
                        "WHERE id IN (SELECT min(id) FROM outbox WHERE state = 1 GROUP BY destination) "
                        "AND next_at <= ? ORDER BY next_at, id LIMIT ?",
                        now, std::uint64_t{limit}));
}

Result<std::optional<SystemTime>> next_due(Connection& db) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT min(next_at) FROM outbox "
                           "WHERE id IN (SELECT min(id) FROM outbox WHERE state = 1 GROUP BY destination)"));
    SIGNET_TRY(query.step());
    return query.optional_time(0);
}

Status delivered(Transaction& transaction, std::int64_t id, SystemTime now) {
    // The body has done its work; what stays is the proof that it went.
    SIGNET_TRY(
        transaction.db().run("UPDATE outbox SET state = 2, attempts = attempts + 1, ended = ?, body = x'', "
                             "last_error = '' WHERE id = ? AND state = 1",
                             now, id));
    return changed_one(transaction.db(), id);
}

Status back_off(Transaction& transaction, std::int64_t id, SystemTime next_at, std::string_view error) {
    SIGNET_TRY(
        transaction.db().run("UPDATE outbox SET attempts = attempts + 1, next_at = ?, last_error = ? "
                             "WHERE id = ? AND state = 1",
                             next_at, error.substr(0, kMaxError), id));
    return changed_one(transaction.db(), id);
}

Status bury(Transaction& transaction, std::int64_t id, SystemTime now, std::string_view error) {
    SIGNET_TRY(transaction.db().run(
        "UPDATE outbox SET state = 3, attempts = attempts + 1, ended = ?, last_error = ? "
        "WHERE id = ? AND state = 1",
        now, error.substr(0, kMaxError), id));
    return changed_one(transaction.db(), id);
}

Status revive(Transaction& transaction, std::int64_t id, SystemTime now) {
    SIGNET_TRY(transaction.db().run(
        "UPDATE outbox SET state = 1, attempts = 0, ended = NULL, created = ?1, next_at = ?1 "
        "WHERE id = ?2 AND state = 3",
        now, id));
    return changed_one(transaction.db(), id);
}

Result<std::vector<OutboxMessage>> list(Connection& db, std::optional<OutboxState> state, std::int64_t after,
                                        std::size_t limit) {
    if (!state)
        return all(
            db.query(SIGNET_OUTBOX_QUERY "WHERE id > ? ORDER BY id LIMIT ?", after, std::uint64_t{limit}));
    return all(db.query(SIGNET_OUTBOX_QUERY "WHERE state = ? AND id > ? ORDER BY id LIMIT ?",
                        static_cast<int>(*state), after, std::uint64_t{limit}));
}

Result<Counts> counts(Connection& db) {
    SIGNET_ASSIGN(auto query, db.query("SELECT (SELECT count(*) FROM outbox WHERE state = 1), "
                                       "(SELECT count(*) FROM outbox WHERE state = 3)"));
    SIGNET_TRY(query.step());
    return Counts{query.number(0), query.number(1)};
}

}  // namespace outbox_store
}  // namespace signet::sqlite
