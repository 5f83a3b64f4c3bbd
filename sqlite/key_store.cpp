#include "sqlite/key_store.h"

#include <array>

namespace signet::sqlite {
namespace {

constexpr std::array<std::string_view, 5> kStateNames{"pending", "active", "retired", "disabled",
                                                      "destroyed"};

#define SIGNET_KEY_QUERY                                                                                  \
    "SELECT label, version, algorithm, usages, state, unavailable_since, created, activated, not_after, " \
    "public_key, "                                                                                        \
    "created_by, uses FROM token_keys "

StoredKey key_of(const Statement& row) {
    StoredKey key;
    key.label = row.text_view(0);
    key.version = row.number32(1);
    key.algorithm = row.text_view(2);
    key.usages = static_cast<std::uint16_t>(row.integer(3));
    key.state = static_cast<KeyState>(row.integer(4));
    key.unavailable_since = row.optional_time(5);
    key.created = row.time(6);
    key.activated = row.optional_time(7);
    key.not_after = row.optional_time(8);
    key.public_key = row.bytes(9);
    key.created_by = row.text_view(10);
    key.uses = row.number(11);
    return key;
}

Result<std::vector<StoredKey>> all(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    std::vector<StoredKey> keys;
    while (true) {
        SIGNET_ASSIGN(const bool row, query->step());
        if (!row) return keys;
        keys.push_back(key_of(*query));
    }
}

Result<std::optional<StoredKey>> one(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return key_of(*query);
}

std::string name_of(std::string_view label, std::uint32_t version) {
    return std::string(label) + "/" + std::to_string(version);
}

std::unexpected<Error> no_key(std::string_view label, std::uint32_t version) {
    return fail(ErrorCode::not_found, "there is no key " + name_of(label, version));
}

Result<StoredKey> must_find(Connection& db, std::string_view label, std::uint32_t version) {
    SIGNET_ASSIGN(auto key, key_store::find(db, label, version));
    if (!key) return no_key(label, version);
    return *std::move(key);
}

bool may_become(KeyState from, KeyState to) {
    switch (to) {
        case KeyState::disabled:
            return from == KeyState::pending || from == KeyState::active || from == KeyState::retired;
        case KeyState::retired:
            return from == KeyState::active || from == KeyState::disabled;
        case KeyState::destroyed:
            return from != KeyState::destroyed;
        case KeyState::pending:
        case KeyState::active:
            return false;  // `activate` does more than set a state
    }
    return false;
}

Status changed_one(Connection& db, std::string_view label, std::uint32_t version) {
    if (db.changes() != 1) return no_key(label, version);
    return {};
}

}  // namespace

std::string_view to_string(KeyState state) {
    return kStateNames[static_cast<std::size_t>(state) - 1];
}

std::optional<KeyState> key_state_from(std::string_view name) {
    for (std::size_t i = 0; i < kStateNames.size(); ++i)
        if (kStateNames[i] == name) return static_cast<KeyState>(i + 1);
    return std::nullopt;
}

std::string_view StoredKey::state_name() const {
    return unavailable_since && state != KeyState::destroyed ? "unavailable" : to_string(state);
}

namespace key_store {

Result<std::vector<StoredKey>> list(Connection& db) {
    return all(db.query(SIGNET_KEY_QUERY "ORDER BY label, version"));
}

Result<std::vector<StoredKey>> versions(Connection& db, std::string_view label) {
    return all(db.query(SIGNET_KEY_QUERY "WHERE label = ? ORDER BY version", label));
}

Result<std::optional<StoredKey>> find(Connection& db, std::string_view label, std::uint32_t version) {
    return one(db.query(SIGNET_KEY_QUERY "WHERE label = ? AND version = ?", label, version));
}

Result<std::optional<StoredKey>> active(Connection& db, std::string_view label) {
    return one(db.query(SIGNET_KEY_QUERY "WHERE label = ? AND state = 2", label));
}

Result<std::uint32_t> next_version(Connection& db, std::string_view label) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT coalesce(max(version), 0) + 1 FROM token_keys WHERE label = ?", label));
    SIGNET_TRY(query.step());
    return query.number32(0);
}

Status insert(Transaction& transaction, const StoredKey& key) {
    auto inserted = transaction.db().run(
        "INSERT INTO token_keys (label, version, algorithm, usages, state, unavailable_since, created, "
        "activated, not_after, "
        "public_key, created_by, uses) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        key.label, key.version, key.algorithm, std::uint32_t{key.usages}, static_cast<int>(key.state),
        key.unavailable_since, key.created, key.activated, key.not_after, key.public_key, key.created_by,
        key.uses);
    if (!inserted && inserted.error().code == ErrorCode::already_exists)
        inserted.error().message = "there is a key " + name_of(key.label, key.version) + " already";
    return inserted;
}

Status activate(Transaction& transaction, std::string_view label, std::uint32_t version, SystemTime now) {
    auto& db = transaction.db();
    SIGNET_ASSIGN(const auto key, must_find(db, label, version));
    if (key.state == KeyState::active) return {};
    if ((key.state != KeyState::pending && key.state != KeyState::disabled) || key.unavailable_since)
        return fail(ErrorCode::conflict, "the key " + name_of(label, version) + " is " +
                                             std::string(key.state_name()) + " and cannot be activated");
    SIGNET_TRY(db.run("UPDATE token_keys SET state = 3 WHERE label = ? AND state = 2", label));
    return db.run(
        "UPDATE token_keys SET state = 2, activated = coalesce(activated, ?) WHERE label = ? AND version = ?",
        now, label, version);
}

Status set_state(Transaction& transaction, std::string_view label, std::uint32_t version, KeyState state) {
    auto& db = transaction.db();
    SIGNET_ASSIGN(const auto key, must_find(db, label, version));
    if (key.state == state && state != KeyState::active) return {};
    if (!may_become(key.state, state))
        return fail(ErrorCode::conflict, "the key " + name_of(label, version) + " is " +
                                             std::string(to_string(key.state)) + " and cannot become " +
                                             std::string(to_string(state)));
    return db.run("UPDATE token_keys SET state = ? WHERE label = ? AND version = ?", static_cast<int>(state),
                  label, version);
}

Status set_unavailable(Transaction& transaction, std::string_view label, std::uint32_t version,
                       std::optional<SystemTime> since) {
    SIGNET_TRY(
        transaction.db().run("UPDATE token_keys SET unavailable_since = ? WHERE label = ? AND version = ?",
                             since, label, version));
    return changed_one(transaction.db(), label, version);
}

Status set_not_after(Transaction& transaction, std::string_view label, std::uint32_t version,
                     std::optional<SystemTime> not_after) {
    SIGNET_TRY(transaction.db().run("UPDATE token_keys SET not_after = ? WHERE label = ? AND version = ?",
                                    not_after, label, version));
    return changed_one(transaction.db(), label, version);
}

Status add_uses(Transaction& transaction, std::string_view label, std::uint32_t version,
                std::uint64_t count) {
    SIGNET_TRY(transaction.db().run("UPDATE token_keys SET uses = uses + ? WHERE label = ? AND version = ?",
                                    count, label, version));
    return changed_one(transaction.db(), label, version);
}

}  // namespace key_store
}  // namespace signet::sqlite
