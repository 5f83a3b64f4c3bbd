#include "sqlite/wrapped_key_store.h"

namespace signet::sqlite::wrapped_key_store {
namespace {

#define SIGNET_WRAPPED_QUERY                                                                                 \
    "SELECT id, owner, key_class, key_index, version, algorithm, usages, wrapping_label, wrapping_version, " \
    "binding_label, binding_version, blob, mac, public_key, created FROM wrapped_keys "

StoredWrappedKey key_of(const Statement& row) {
    StoredWrappedKey key;
    key.id = row.integer(0);
    key.owner = row.text_view(1);
    key.key_class = row.text_view(2);
    key.index = row.number32(3);
    key.version = row.number32(4);
    key.algorithm = row.text_view(5);
    key.usages = static_cast<std::uint16_t>(row.integer(6));
    key.wrapping_label = row.text_view(7);
    key.wrapping_version = row.number32(8);
    key.binding_label = row.text_view(9);
    key.binding_version = row.number32(10);
    key.blob = row.bytes(11);
    key.mac = row.bytes(12);
    key.public_key = row.bytes(13);
    key.created = row.time(14);
    return key;
}

Result<std::vector<StoredWrappedKey>> all(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    std::vector<StoredWrappedKey> keys;
    while (true) {
        SIGNET_ASSIGN(const bool row, query->step());
        if (!row) return keys;
        keys.push_back(key_of(*query));
    }
}

Result<std::optional<StoredWrappedKey>> one(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return key_of(*query);
}

}  // namespace

Result<std::optional<StoredWrappedKey>> find(Connection& db, std::string_view owner,
                                             std::string_view key_class, std::uint32_t index,
                                             std::uint32_t version) {
    return one(db.query(SIGNET_WRAPPED_QUERY
                        "WHERE owner = ? AND key_class = ? AND key_index = ? AND version = ?",
                        owner, key_class, index, version));
}

Result<std::optional<StoredWrappedKey>> latest(Connection& db, std::string_view owner,
                                               std::string_view key_class, std::uint32_t index) {
    return one(db.query(SIGNET_WRAPPED_QUERY
                        "WHERE owner = ? AND key_class = ? AND key_index = ? ORDER BY version DESC LIMIT 1",
                        owner, key_class, index));
}

Result<std::vector<StoredWrappedKey>> of_owner(Connection& db, std::string_view owner) {
    return all(
        db.query(SIGNET_WRAPPED_QUERY "WHERE owner = ? ORDER BY key_class, key_index, version", owner));
}

Result<std::vector<StoredWrappedKey>> under(Connection& db, std::string_view wrapping_label,
                                            std::uint32_t version, std::int64_t after, std::size_t limit) {
    return all(db.query(SIGNET_WRAPPED_QUERY
                        "WHERE wrapping_label = ? AND wrapping_version = ? AND id > ? ORDER BY id LIMIT ?",
                        wrapping_label, version, after, std::uint64_t{limit}));
}

Result<std::uint64_t> count_under(Connection& db, std::string_view wrapping_label, std::uint32_t version) {
    SIGNET_ASSIGN(
        auto query,
        db.query("SELECT count(*) FROM wrapped_keys WHERE wrapping_label = ? AND wrapping_version = ?",
                 wrapping_label, version));
    SIGNET_TRY(query.step());
    return query.number(0);
}

Result<std::int64_t> insert(Transaction& transaction, const StoredWrappedKey& key) {
    auto& db = transaction.db();
    auto inserted = db.run(
        "INSERT INTO wrapped_keys (owner, key_class, key_index, version, algorithm, usages, wrapping_label, "
        "wrapping_version, "
        "binding_label, binding_version, blob, mac, public_key, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?)",
        key.owner, key.key_class, key.index, key.version, key.algorithm, std::uint32_t{key.usages},
        key.wrapping_label, key.wrapping_version, key.binding_label, key.binding_version, key.blob, key.mac,
        key.public_key, key.created);
    if (!inserted) {
        auto error = std::move(inserted).error();
        if (error.code == ErrorCode::already_exists)
            error.message = "the owner has a key " + key.key_class + "/" + std::to_string(key.index) +
                            " of version " + std::to_string(key.version) + " already";
        return std::unexpected(std::move(error));
    }
    return db.last_insert_id();
}

Status rewrap(Transaction& transaction, const StoredWrappedKey& before, const StoredWrappedKey& after) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE wrapped_keys SET wrapping_label = ?, wrapping_version = ?, binding_label = ?, "
               "binding_version = ?, "
               "blob = ?, mac = ? WHERE id = ? AND wrapping_label = ? AND wrapping_version = ? AND mac = ?",
               after.wrapping_label, after.wrapping_version, after.binding_label, after.binding_version,
               after.blob, after.mac, before.id, before.wrapping_label, before.wrapping_version, before.mac));
    if (db.changes() != 1)
        return fail(ErrorCode::conflict, "the wrapped key changed meanwhile; read it again");
    return {};
}

Status erase(Transaction& transaction, std::int64_t id) {
    SIGNET_TRY(transaction.db().run("DELETE FROM wrapped_keys WHERE id = ?", id));
    if (transaction.db().changes() != 1) return fail(ErrorCode::not_found, "there is no such wrapped key");
    return {};
}

Result<std::size_t> erase_owner(Transaction& transaction, std::string_view owner) {
    SIGNET_TRY(transaction.db().run("DELETE FROM wrapped_keys WHERE owner = ?", owner));
    return static_cast<std::size_t>(transaction.db().changes());
}

}  // namespace signet::sqlite::wrapped_key_store
