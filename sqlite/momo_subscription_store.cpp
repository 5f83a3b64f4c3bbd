#include "sqlite/momo_subscription_store.h"

namespace signet::sqlite {
namespace {

#define SIGNET_SUBSCRIPTION_COLUMNS "s.id, s.name, s.merchant, s.product, s.created, s.created_by, s.revoked "

MomoSubscription subscription_of(const Statement& row) {
    return {.id = row.text(0),
            .name = row.text(1),
            .merchant = row.text(2),
            .product = row.text(3),
            .created = row.time(4),
            .created_by = row.text(5),
            .revoked = row.optional_time(6)};
}

Result<std::optional<MomoSubscription>> one(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return subscription_of(*query);
}

Result<std::vector<MomoSubscription>> all(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    std::vector<MomoSubscription> found;
    while (true) {
        SIGNET_ASSIGN(const bool row, query->step());
        if (!row) return found;
        found.push_back(subscription_of(*query));
    }
}

Status put_key(Connection& db, std::string_view id, const MomoSubscriptionKey& key) {
    return db.run(
        "INSERT INTO momo_subscription_keys (subscription, slot, mac, mac_version, created) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (subscription, slot) DO UPDATE SET mac = excluded.mac, "
        "mac_version = excluded.mac_version, created = excluded.created",
        id, static_cast<int>(key.slot), key.mac, key.mac_version, key.created);
}

std::unexpected<Error> no_subscription(std::string_view id) {
    return fail(ErrorCode::not_found, "there is no subscription " + std::string(id) + " in force");
}

}  // namespace

std::string_view to_string(MomoSlot slot) {
    return slot == MomoSlot::primary ? "primary" : "secondary";
}

std::optional<MomoSlot> momo_slot_from(std::string_view name) {
    if (name == "primary") return MomoSlot::primary;
    if (name == "secondary") return MomoSlot::secondary;
    return std::nullopt;
}

namespace momo_subscription_store {

Status insert(Transaction& transaction, const MomoSubscription& subscription,
              const std::vector<MomoSubscriptionKey>& keys) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("INSERT INTO momo_subscriptions (id, name, merchant, product, created, created_by) "
               "VALUES (?, ?, ?, ?, ?, ?)",
               subscription.id, subscription.name, subscription.merchant, subscription.product,
               subscription.created, subscription.created_by));
    for (const auto& key : keys)
        SIGNET_TRY(put_key(db, subscription.id, key));
    return {};
}

Status rotate(Transaction& transaction, std::string_view id, const MomoSubscriptionKey& key) {
    SIGNET_ASSIGN(const auto found, find(transaction.db(), id));
    if (!found || found->revoked) return no_subscription(id);
    return put_key(transaction.db(), id, key);
}

Status revoke(Transaction& transaction, std::string_view id, SystemTime now) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run("UPDATE momo_subscriptions SET revoked = ? WHERE id = ? AND revoked IS NULL", now, id));
    if (db.changes() != 1) return no_subscription(id);
    return db.run("DELETE FROM momo_subscription_keys WHERE subscription = ?", id);
}

Result<std::optional<MomoSubscription>> find(Connection& db, std::string_view id) {
    return one(
        db.query("SELECT " SIGNET_SUBSCRIPTION_COLUMNS "FROM momo_subscriptions s WHERE s.id = ?", id));
}

Result<std::optional<MomoSubscription>> find_by_mac(Connection& db, ByteView mac) {
    return one(db.query("SELECT " SIGNET_SUBSCRIPTION_COLUMNS
                        "FROM momo_subscription_keys k JOIN momo_subscriptions s ON s.id = k.subscription "
                        "WHERE k.mac = ?",
                        mac));
}

Result<std::vector<MomoSubscription>> list(Connection& db, std::string_view merchant, std::string_view after,
                                           std::size_t limit) {
    if (merchant.empty())
        return all(db.query("SELECT " SIGNET_SUBSCRIPTION_COLUMNS
                            "FROM momo_subscriptions s WHERE s.id > ? ORDER BY s.id LIMIT ?",
                            after, std::uint64_t{limit}));
    return all(db.query("SELECT " SIGNET_SUBSCRIPTION_COLUMNS
                        "FROM momo_subscriptions s WHERE s.merchant = ? AND s.id > ? ORDER BY s.id LIMIT ?",
                        merchant, after, std::uint64_t{limit}));
}

}  // namespace momo_subscription_store
}  // namespace signet::sqlite
