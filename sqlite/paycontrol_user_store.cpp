#include "sqlite/paycontrol_user_store.h"

namespace signet::sqlite::paycontrol_user_store {
namespace {

#define SIGNET_USER_QUERY                                                                        \
    "SELECT number, user_id, system_id, name, blocked, blocked_why, created, updated, deleted, " \
    "active_key, delayed_key, device_type, device_push_id, app_id, signer_url, code_failures, "  \
    "code_locked FROM paycontrol_users "
#define SIGNET_USER_KEY_QUERY                                                                           \
    "SELECT key_id, user, key_index, type, flags, state, version, created, activated, ended, expires, " \
    "app_extra, device_fingerprint, activation_mac, activation_tries, release_key, password_mac, "      \
    "password_tries, challenge, challenge_expires FROM paycontrol_keys "
#define SIGNET_PUBLIC_KEY_QUERY \
    "SELECT public_key_id, key_id, autosign, spki, created, ended FROM paycontrol_public_keys "

PayControlUser user_of(const Statement& row) {
    return {.number = row.integer(0),
            .user_id = row.text(1),
            .system_id = row.text(2),
            .name = row.text(3),
            .blocked = row.boolean(4),
            .blocked_why = row.text(5),
            .created = row.time(6),
            .updated = row.time(7),
            .deleted = row.optional_time(8),
            .active_key = row.integer(9),
            .delayed_key = row.integer(10),
            .device_type = row.text(11),
            .device_push_id = row.text(12),
            .app_id = row.text(13),
            .signer_url = row.text(14),
            .code_failures = row.number32(15),
            .code_locked = row.optional_time(16)};
}

PayControlKey key_of(const Statement& row) {
    return {.key_id = row.integer(0),
            .user = row.integer(1),
            .key_index = row.number32(2),
            .type = row.number32(3),
            .flags = row.number32(4),
            .state = static_cast<PayControlKeyState>(row.integer(5)),
            .version = row.number32(6),
            .created = row.time(7),
            .activated = row.optional_time(8),
            .ended = row.optional_time(9),
            .expires = row.time(10),
            .app_extra = row.text(11),
            .device_fingerprint = row.text(12),
            .activation_mac = row.bytes(13),
            .activation_tries = row.number32(14),
            .release_key = row.bytes(15),
            .password_mac = row.bytes(16),
            .password_tries = row.number32(17),
            .challenge = row.bytes(18),
            .challenge_expires = row.optional_time(19)};
}

PayControlPublicKey public_key_of(const Statement& row) {
    return {.public_key_id = row.integer(0),
            .key_id = row.integer(1),
            .autosign = row.boolean(2),
            .spki = row.bytes(3),
            .created = row.time(4),
            .ended = row.optional_time(5)};
}

template <class Row>
auto one(Result<Statement> query, Row row_of) -> Result<std::optional<decltype(row_of(*query))>> {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return row_of(*query);
}

std::optional<ByteView> or_null(const Bytes& bytes) {
    if (bytes.empty()) return std::nullopt;
    return ByteView(bytes);
}

std::optional<std::int64_t> or_null(std::int64_t id) {
    if (id == 0) return std::nullopt;
    return id;
}

Status changed_one(Connection& db, std::string_view what) {
    if (db.changes() == 1) return {};
    return fail(ErrorCode::not_found, "there is no such " + std::string(what));
}

}  // namespace

Result<std::optional<PayControlUser>> find(Connection& db, std::string_view user_id) {
    return one(db.query(SIGNET_USER_QUERY "WHERE user_id = ?", user_id), user_of);
}

Result<std::optional<PayControlKey>> find_key(Connection& db, std::int64_t key_id) {
    return one(db.query(SIGNET_USER_KEY_QUERY "WHERE key_id = ?", key_id), key_of);
}

Result<std::optional<PayControlKey>> find_key(Connection& db, std::int64_t user, std::uint32_t key_index) {
    return one(db.query(SIGNET_USER_KEY_QUERY "WHERE user = ? AND key_index = ?", user, key_index), key_of);
}

Result<std::optional<PayControlKey>> key_at(Connection& db, std::int64_t user, SystemTime time) {
    return one(db.query(SIGNET_USER_KEY_QUERY
                        "WHERE user = ? AND state <> 2 AND created <= ? AND (ended IS NULL OR ended > ?) "
                        "ORDER BY key_index DESC LIMIT 1",
                        user, time, time),
               key_of);
}

Result<std::uint32_t> last_key_index(Connection& db, std::int64_t user) {
    SIGNET_ASSIGN(auto query, db.query("SELECT max(key_index) FROM paycontrol_keys WHERE user = ?", user));
    SIGNET_TRY(query.step());
    return query.number32(0);
}

Result<std::optional<PayControlPublicKey>> public_key(Connection& db, std::int64_t key_id, bool autosign) {
    return one(db.query(SIGNET_PUBLIC_KEY_QUERY "WHERE key_id = ? AND autosign = ? AND ended IS NULL", key_id,
                        autosign),
               public_key_of);
}

Result<std::optional<PayControlPublicKey>> public_key_at(Connection& db, std::int64_t key_id, bool autosign,
                                                         SystemTime time) {
    return one(db.query(SIGNET_PUBLIC_KEY_QUERY
                        "WHERE key_id = ? AND autosign = ? AND created <= ? AND (ended IS NULL OR ended > ?) "
                        "ORDER BY public_key_id DESC LIMIT 1",
                        key_id, autosign, time, time),
               public_key_of);
}

Result<std::int64_t> insert(Transaction& transaction, const PayControlUser& user) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("INSERT INTO paycontrol_users (user_id, system_id, name, created, updated, signer_url) "
               "VALUES (?, ?, ?, ?, ?, ?)",
               user.user_id, user.system_id, user.name, user.created, user.updated, user.signer_url));
    return db.last_insert_id();
}

Status update(Transaction& transaction, const PayControlUser& user) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run(
        "UPDATE paycontrol_users SET name = ?, blocked = ?, blocked_why = ?, updated = ?, deleted = ?, "
        "active_key = ?, delayed_key = ?, device_type = ?, device_push_id = ?, app_id = ?, signer_url = ?, "
        "code_failures = ?, code_locked = ? WHERE number = ?",
        user.name, user.blocked, user.blocked_why, user.updated, user.deleted, or_null(user.active_key),
        or_null(user.delayed_key), user.device_type, user.device_push_id, user.app_id, user.signer_url,
        user.code_failures, user.code_locked, user.number));
    return changed_one(db, "user");
}

Result<std::int64_t> insert_key(Transaction& transaction, const PayControlKey& key) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run(
        "INSERT INTO paycontrol_keys (user, key_index, type, flags, state, version, created, expires, "
        "app_extra, activation_mac, release_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        key.user, key.key_index, key.type, key.flags, static_cast<int>(key.state), key.version, key.created,
        key.expires, key.app_extra, or_null(key.activation_mac), or_null(key.release_key)));
    return db.last_insert_id();
}

Status update_key(Transaction& transaction, const PayControlKey& key) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run(
        "UPDATE paycontrol_keys SET flags = ?, state = ?, version = ?, activated = ?, ended = ?, expires = "
        "?, "
        "app_extra = ?, device_fingerprint = ?, activation_mac = ?, activation_tries = ?, release_key = ?, "
        "password_mac = ?, password_tries = ?, challenge = ?, challenge_expires = ? WHERE key_id = ?",
        key.flags, static_cast<int>(key.state), key.version, key.activated, key.ended, key.expires,
        key.app_extra, key.device_fingerprint, or_null(key.activation_mac), key.activation_tries,
        or_null(key.release_key), or_null(key.password_mac), key.password_tries, or_null(key.challenge),
        key.challenge_expires, key.key_id));
    return changed_one(db, "key of a user");
}

Result<std::int64_t> set_public_key(Transaction& transaction, const PayControlPublicKey& key) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE paycontrol_public_keys SET ended = ? WHERE key_id = ? AND autosign = ? AND "
               "ended IS NULL",
               key.created, key.key_id, key.autosign));
    SIGNET_TRY(
        db.run("INSERT INTO paycontrol_public_keys (key_id, autosign, spki, created) VALUES (?, ?, ?, ?)",
               key.key_id, key.autosign, key.spki, key.created));
    return db.last_insert_id();
}

Status end_public_keys(Transaction& transaction, std::int64_t key_id, SystemTime now) {
    return transaction.db().run(
        "UPDATE paycontrol_public_keys SET ended = ? WHERE key_id = ? AND ended IS NULL", now, key_id);
}

}  // namespace signet::sqlite::paycontrol_user_store
