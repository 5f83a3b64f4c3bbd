#include "sqlite/mpoc_customer_store.h"

namespace signet::sqlite::mpoc_customer_store {
namespace {

#define SIGNET_MPOC_CUSTOMER_QUERY "SELECT id, customer_id, name, disabled, created FROM mpoc_customers "
#define SIGNET_MPOC_KEY_QUERY \
    "SELECT key_id, customer, mac, mac_version, note, created, last_used, revoked FROM mpoc_api_keys "

MpocCustomer customer_of(const Statement& row) {
    return {.id = row.integer(0),
            .customer_id = row.text(1),
            .name = row.text(2),
            .disabled = row.optional_time(3),
            .created = row.time(4)};
}

MpocApiKey key_of(const Statement& row) {
    return {.key_id = row.text(0),
            .customer = row.integer(1),
            .mac = row.bytes(2),
            .mac_version = row.number32(3),
            .note = row.text(4),
            .created = row.time(5),
            .last_used = row.optional_time(6),
            .revoked = row.optional_time(7)};
}

template <class Row>
auto one(Result<Statement> query, Row row_of) -> Result<std::optional<decltype(row_of(*query))>> {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return row_of(*query);
}

template <class Row>
auto all(Result<Statement> query, Row row_of) -> Result<std::vector<decltype(row_of(*query))>> {
    if (!query) return std::unexpected(std::move(query).error());
    std::vector<decltype(row_of(*query))> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query->step());
        if (!row) return out;
        out.push_back(row_of(*query));
    }
}

}  // namespace

Result<std::int64_t> insert(Transaction& transaction, const MpocCustomer& customer) {
    auto& db = transaction.db();
    auto inserted = db.run("INSERT INTO mpoc_customers (customer_id, name, created) VALUES (?, ?, ?)",
                           customer.customer_id, customer.name, customer.created);
    if (!inserted) {
        if (inserted.error().code == ErrorCode::already_exists)
            inserted.error().message = "there is a customer " + customer.customer_id + " already";
        return std::unexpected(std::move(inserted).error());
    }
    return db.last_insert_id();
}

Result<std::optional<MpocCustomer>> find(Connection& db, std::string_view customer_id) {
    return one(db.query(SIGNET_MPOC_CUSTOMER_QUERY "WHERE customer_id = ?", customer_id), customer_of);
}

Result<std::optional<MpocCustomer>> find(Connection& db, std::int64_t id) {
    return one(db.query(SIGNET_MPOC_CUSTOMER_QUERY "WHERE id = ?", id), customer_of);
}

Result<std::vector<MpocCustomer>> list(Connection& db, std::int64_t after, std::size_t limit) {
    return all(
        db.query(SIGNET_MPOC_CUSTOMER_QUERY "WHERE id > ? ORDER BY id LIMIT ?", after, std::uint64_t{limit}),
        customer_of);
}

Status set_disabled(Transaction& transaction, std::int64_t id, std::optional<SystemTime> since) {
    return transaction.db().run("UPDATE mpoc_customers SET disabled = ? WHERE id = ?", since, id);
}

Status insert_key(Transaction& transaction, const MpocApiKey& key) {
    return transaction.db().run(
        "INSERT INTO mpoc_api_keys (key_id, customer, mac, mac_version, note, created) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        key.key_id, key.customer, key.mac, key.mac_version, key.note, key.created);
}

Result<std::optional<MpocApiKey>> find_key(Connection& db, std::string_view key_id) {
    return one(db.query(SIGNET_MPOC_KEY_QUERY "WHERE key_id = ?", key_id), key_of);
}

Result<std::vector<MpocApiKey>> keys(Connection& db, std::int64_t customer, std::size_t limit) {
    return all(db.query(SIGNET_MPOC_KEY_QUERY "WHERE customer = ? ORDER BY created, key_id LIMIT ?", customer,
                        std::uint64_t{limit}),
               key_of);
}

Result<std::uint64_t> count_live_keys(Connection& db, std::int64_t customer) {
    SIGNET_ASSIGN(
        auto query,
        db.query("SELECT count(*) FROM mpoc_api_keys WHERE customer = ? AND revoked IS NULL", customer));
    SIGNET_TRY(query.step());
    return query.number(0);
}

Status revoke_key(Transaction& transaction, std::int64_t customer, std::string_view key_id, SystemTime at) {
    auto& db = transaction.db();
    SIGNET_ASSIGN(const auto key, find_key(db, key_id));
    if (!key || key->customer != customer)
        return fail(ErrorCode::not_found, "the customer has no API key " + std::string(key_id));
    if (key->revoked)
        return fail(ErrorCode::conflict, "the API key " + std::string(key_id) +
                                             " is revoked already, since " + to_rfc3339(*key->revoked));
    return db.run("UPDATE mpoc_api_keys SET revoked = ? WHERE key_id = ?", at, key_id);
}

Status note_use(Transaction& transaction, std::string_view key_id, SystemTime at) {
    return transaction.db().run(
        "UPDATE mpoc_api_keys SET last_used = ?1 WHERE key_id = ?2 AND (last_used IS NULL OR last_used < ?3)",
        at, key_id, at - std::chrono::minutes(1));
}

}  // namespace signet::sqlite::mpoc_customer_store
