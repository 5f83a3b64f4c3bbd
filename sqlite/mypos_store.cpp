#include "sqlite/mypos_store.h"

namespace signet::sqlite {
namespace {

#define SIGNET_MYPOS_STORE_QUERY \
    "SELECT id, side, name, wallet, currency, created, created_by, closed FROM mypos_stores "
#define SIGNET_MYPOS_KEY_QUERY                                                                  \
    "SELECT store, key_index, state, certificate, peer_key, created, created_by, changed FROM " \
    "mypos_keys "

MyposStore store_of(const Statement& row) {
    return {.id = row.text(0),
            .side = static_cast<MyposSide>(row.integer(1)),
            .name = row.text(2),
            .wallet = row.text(3),
            .currency = row.text(4),
            .created = row.time(5),
            .created_by = row.text(6),
            .closed = row.optional_time(7)};
}

MyposKey key_of(const Statement& row) {
    return {.store = row.text(0),
            .index = row.number32(1),
            .state = static_cast<MyposKeyState>(row.integer(2)),
            .certificate = row.bytes(3),
            .peer_key = row.bytes(4),
            .created = row.time(5),
            .created_by = row.text(6),
            .changed = row.optional_time(7)};
}

template <class T>
Result<std::vector<T>> all(Result<Statement> query, T (*read)(const Statement&)) {
    if (!query) return std::unexpected(std::move(query).error());
    std::vector<T> found;
    while (true) {
        SIGNET_ASSIGN(const bool row, query->step());
        if (!row) return found;
        found.push_back(read(*query));
    }
}

template <class T>
Result<std::optional<T>> one(Result<Statement> query, T (*read)(const Statement&)) {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return read(*query);
}

std::unexpected<Error> no_key(std::string_view store, std::uint32_t index) {
    return fail(ErrorCode::not_found,
                "the store " + std::string(store) + " has no key " + std::to_string(index) + " in force");
}

}  // namespace

std::string_view to_string(MyposSide side) {
    return side == MyposSide::provider ? "provider" : "merchant";
}

std::optional<MyposSide> mypos_side_from(std::string_view name) {
    if (name == "provider") return MyposSide::provider;
    if (name == "merchant") return MyposSide::merchant;
    return std::nullopt;
}

std::string_view to_string(MyposKeyState state) {
    switch (state) {
        case MyposKeyState::active:
            return "active";
        case MyposKeyState::retired:
            return "retired";
        case MyposKeyState::revoked:
            return "revoked";
    }
    return "unknown";
}

namespace mypos_store {

Status insert(Transaction& transaction, const MyposStore& store) {
    auto inserted = transaction.db().run(
        "INSERT INTO mypos_stores (id, side, name, wallet, currency, created, created_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        store.id, static_cast<int>(store.side), store.name, store.wallet, store.currency, store.created,
        store.created_by);
    if (!inserted && inserted.error().code == ErrorCode::already_exists)
        inserted.error().message = "there is a store " + store.id + " already";
    return inserted;
}

Result<std::optional<MyposStore>> find(Connection& db, std::string_view id) {
    return one(db.query(SIGNET_MYPOS_STORE_QUERY "WHERE id = ?", id), store_of);
}

Result<std::vector<MyposStore>> list(Connection& db, std::string_view after, std::size_t limit) {
    return all(
        db.query(SIGNET_MYPOS_STORE_QUERY "WHERE id > ? ORDER BY id LIMIT ?", after, std::uint64_t{limit}),
        store_of);
}

Status close(Transaction& transaction, std::string_view id, SystemTime now) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run("UPDATE mypos_stores SET closed = ? WHERE id = ? AND closed IS NULL", now, id));
    if (db.changes() != 1)
        return fail(ErrorCode::not_found, "there is no store " + std::string(id) + " that is open");
    return db.run("UPDATE mypos_keys SET state = 3, changed = ? WHERE store = ? AND state <> 3", now, id);
}

Result<std::uint32_t> next_index(Connection& db, std::string_view store) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT coalesce(max(key_index), 0) + 1 FROM mypos_keys WHERE store = ?", store));
    SIGNET_TRY(query.step());
    return query.number32(0);
}

Status insert_key(Transaction& transaction, const MyposKey& key) {
    auto inserted = transaction.db().run(
        "INSERT INTO mypos_keys (store, key_index, state, certificate, peer_key, created, created_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        key.store, key.index, static_cast<int>(key.state), key.certificate, key.peer_key, key.created,
        key.created_by);
    if (!inserted && inserted.error().code == ErrorCode::already_exists)
        inserted.error().message =
            "the store " + key.store + " has a key " + std::to_string(key.index) + " already";
    return inserted;
}

Result<std::optional<MyposKey>> find_key(Connection& db, std::string_view store, std::uint32_t index) {
    return one(db.query(SIGNET_MYPOS_KEY_QUERY "WHERE store = ? AND key_index = ?", store, index), key_of);
}

Result<std::vector<MyposKey>> keys_of(Connection& db, std::string_view store) {
    return all(db.query(SIGNET_MYPOS_KEY_QUERY "WHERE store = ? ORDER BY key_index", store), key_of);
}

Status set_peer_key(Transaction& transaction, std::string_view store, std::uint32_t index,
                    ByteView peer_key) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run("UPDATE mypos_keys SET peer_key = ? WHERE store = ? AND key_index = ? AND state <> 3",
                      peer_key, store, index));
    if (db.changes() != 1) return no_key(store, index);
    return {};
}

Status set_key_state(Transaction& transaction, std::string_view store, std::uint32_t index,
                     MyposKeyState state, SystemTime now) {
    auto& db = transaction.db();
    SIGNET_ASSIGN(const auto key, find_key(db, store, index));
    if (!key) return no_key(store, index);
    if (key->state >= state)
        return fail(ErrorCode::conflict, "the key " + std::to_string(index) + " of the store " +
                                             std::string(store) + " is " +
                                             std::string(to_string(key->state)) + " already");
    return db.run("UPDATE mypos_keys SET state = ?, changed = ? WHERE store = ? AND key_index = ?",
                  static_cast<int>(state), now, store, index);
}

}  // namespace mypos_store
}  // namespace signet::sqlite
