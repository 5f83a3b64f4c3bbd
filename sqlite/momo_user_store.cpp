#include "sqlite/momo_user_store.h"

#include <algorithm>

namespace signet::sqlite {
namespace {

#define SIGNET_MOMO_USER_QUERY                                                                         \
    "SELECT id, merchant, callback_host, environment, created, created_by, revoked, key_id, key_mac, " \
    "key_mac_version, key_created FROM momo_users "

MomoUser user_of(const Statement& row) {
    MomoUser user{.id = row.text(0),
                  .merchant = row.text(1),
                  .callback_host = row.text(2),
                  .environment = row.text(3),
                  .created = row.time(4),
                  .created_by = row.text(5),
                  .revoked = row.optional_time(6)};
    if (!row.is_null(7)) user.key = MomoKey{row.text(7), row.bytes(8), row.number32(9), row.time(10)};
    return user;
}

std::unexpected<Error> no_user(std::string_view id) {
    return fail(ErrorCode::not_found, "there is no API user " + std::string(id));
}

Status drop_tokens(Connection& db, std::string_view user) {
    return db.run("DELETE FROM momo_tokens WHERE user = ?", user);
}

}  // namespace

namespace momo_user_store {

Status insert(Transaction& transaction, const MomoUser& user) {
    auto inserted = transaction.db().run(
        "INSERT INTO momo_users (id, merchant, callback_host, environment, created, created_by) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        user.id, user.merchant, user.callback_host, user.environment, user.created, user.created_by);
    if (!inserted && inserted.error().code == ErrorCode::already_exists)
        inserted.error().message = "there is an API user " + user.id + " already";
    return inserted;
}

Result<std::optional<MomoUser>> find(Connection& db, std::string_view id) {
    SIGNET_ASSIGN(auto query, db.query(SIGNET_MOMO_USER_QUERY "WHERE id = ?", id));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return std::nullopt;
    return user_of(query);
}

Result<std::vector<MomoUser>> list(Connection& db, std::string_view merchant, std::string_view after,
                                   std::size_t limit) {
    auto query =
        merchant.empty()
            ? db.query(SIGNET_MOMO_USER_QUERY "WHERE id > ? ORDER BY id LIMIT ?", after, std::uint64_t{limit})
            : db.query(SIGNET_MOMO_USER_QUERY "WHERE merchant = ? AND id > ? ORDER BY id LIMIT ?", merchant,
                       after, std::uint64_t{limit});
    if (!query) return std::unexpected(std::move(query).error());
    std::vector<MomoUser> found;
    while (true) {
        SIGNET_ASSIGN(const bool row, query->step());
        if (!row) return found;
        found.push_back(user_of(*query));
    }
}

Status set_key(Transaction& transaction, std::string_view id, const MomoKey& key) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE momo_users SET key_id = ?, key_mac = ?, key_mac_version = ?, key_created = ? "
               "WHERE id = ? AND revoked IS NULL",
               key.id, key.mac, key.mac_version, key.created, id));
    if (db.changes() != 1) return no_user(id);
    return drop_tokens(db, id);
}

Status drop_key(Transaction& transaction, std::string_view id) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE momo_users SET key_id = NULL, key_mac = NULL, key_mac_version = NULL, "
               "key_created = NULL WHERE id = ? AND key_id IS NOT NULL",
               id));
    if (db.changes() != 1)
        return fail(ErrorCode::not_found, "there is no API user " + std::string(id) + " with an API key");
    return drop_tokens(db, id);
}

Status revoke(Transaction& transaction, std::string_view id, SystemTime now) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE momo_users SET revoked = ?, key_id = NULL, key_mac = NULL, key_mac_version = NULL, "
               "key_created = NULL WHERE id = ? AND revoked IS NULL",
               now, id));
    if (db.changes() != 1) return no_user(id);
    return drop_tokens(db, id);
}

Result<std::optional<MomoToken>> find_token(Connection& db, std::string_view user, std::string_view product) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT user, product, id, key_id, issued, expires, digest, seal_label, "
                           "seal_version, sealed FROM momo_tokens WHERE user = ? AND product = ?",
                           user, product));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return std::nullopt;
    MomoToken token{.user = query.text(0),
                    .product = query.text(1),
                    .id = query.text(2),
                    .key_id = query.text(3),
                    .issued = query.time(4),
                    .expires = query.time(5),
                    .seal_label = query.text(7),
                    .seal_version = query.number32(8),
                    .sealed = query.bytes(9)};
    const auto digest = query.bytes_view(6);
    if (digest.size() == token.digest.size()) std::ranges::copy(digest, token.digest.begin());
    return token;
}

Status put_token(Transaction& transaction, const MomoToken& token) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("INSERT INTO momo_tokens (user, product, id, key_id, issued, expires, digest, seal_label, "
               "seal_version, sealed) SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM momo_users "
               "WHERE id = ?1 AND key_id = ?4 AND revoked IS NULL "
               "ON CONFLICT (user, product) DO UPDATE SET id = excluded.id, key_id = excluded.key_id, "
               "issued = excluded.issued, expires = excluded.expires, digest = excluded.digest, "
               "seal_label = excluded.seal_label, seal_version = excluded.seal_version, "
               "sealed = excluded.sealed",
               token.user, token.product, token.id, token.key_id, token.issued, token.expires,
               ByteView(token.digest), token.seal_label, token.seal_version, token.sealed));
    if (db.changes() != 1) return fail(ErrorCode::conflict, "the API key was replaced or revoked meanwhile");
    return {};
}

Result<std::uint64_t> prune_tokens(Transaction& transaction, SystemTime now, std::size_t limit) {
    SIGNET_TRY(transaction.db().run(
        "DELETE FROM momo_tokens WHERE rowid IN (SELECT rowid FROM momo_tokens WHERE expires < ? LIMIT ?)",
        now, std::uint64_t{limit}));
    return static_cast<std::uint64_t>(transaction.db().changes());
}

}  // namespace momo_user_store
}  // namespace signet::sqlite
