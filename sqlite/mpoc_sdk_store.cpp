#include "sqlite/mpoc_sdk_store.h"

#include <algorithm>

namespace signet::sqlite::mpoc_sdk_store {
namespace {

#define SIGNET_MPOC_SDK_QUERY                                                                               \
    "SELECT id, sdk_id, customer, version, in_token, generation, kek_serial, kek_der, sign_serial, "        \
    "sign_der, blocked, keys_revoked, decommissioned, attest_result, attest_advice, attest_time, enrolled " \
    "FROM mpoc_sdks "

MpocCertificate certificate_at(const Statement& row, int column) {
    MpocCertificate out;
    if (const auto bytes = row.bytes_view(column); bytes.size() == out.serial.size())
        std::ranges::copy(bytes, out.serial.begin());
    out.der = row.bytes(column + 1);
    return out;
}

MpocSdk sdk_of(const Statement& row) {
    return {.id = row.integer(0),
            .sdk_id = row.text(1),
            .customer = row.integer(2),
            .version = row.text(3),
            .in_token = row.boolean(4),
            .generation = row.number32(5),
            .kek = certificate_at(row, 6),
            .sign = certificate_at(row, 8),
            .blocked = row.optional_time(10),
            .keys_revoked = row.optional_time(11),
            .decommissioned = row.optional_time(12),
            .attest_result = row.text(13),
            .attest_advice = row.text(14),
            .attest_time = row.optional_time(15),
            .enrolled = row.time(16)};
}

}  // namespace

Result<std::int64_t> insert(Transaction& transaction, const MpocSdk& sdk) {
    auto& db = transaction.db();
    auto inserted = db.run(
        "INSERT INTO mpoc_sdks (sdk_id, customer, version, in_token, generation, kek_serial, kek_der, "
        "sign_serial, sign_der, enrolled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        sdk.sdk_id, sdk.customer, sdk.version, sdk.in_token, sdk.generation, ByteView(sdk.kek.serial),
        sdk.kek.der, ByteView(sdk.sign.serial), sdk.sign.der, sdk.enrolled);
    if (!inserted) {
        if (inserted.error().code == ErrorCode::already_exists)
            inserted.error().message = "there is an SDK instance " + sdk.sdk_id + " already";
        return std::unexpected(std::move(inserted).error());
    }
    return db.last_insert_id();
}

Result<std::optional<MpocSdk>> find(Connection& db, std::string_view sdk_id) {
    SIGNET_ASSIGN(auto query, db.query(SIGNET_MPOC_SDK_QUERY "WHERE sdk_id = ?", sdk_id));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return std::nullopt;
    return sdk_of(query);
}

Result<std::vector<MpocSdk>> list(Connection& db, std::int64_t customer, std::int64_t after,
                                  std::size_t limit) {
    SIGNET_ASSIGN(auto query,
                  customer != 0
                      ? db.query(SIGNET_MPOC_SDK_QUERY "WHERE customer = ? AND id > ? ORDER BY id LIMIT ?",
                                 customer, after, std::uint64_t{limit})
                      : db.query(SIGNET_MPOC_SDK_QUERY "WHERE id > ? ORDER BY id LIMIT ?", after,
                                 std::uint64_t{limit}));
    std::vector<MpocSdk> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return out;
        out.push_back(sdk_of(query));
    }
}

Status rekey(Transaction& transaction, const MpocSdk& sdk) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE mpoc_sdks SET in_token = ?, generation = ?, kek_serial = ?, kek_der = ?, "
               "sign_serial = ?, sign_der = ?, keys_revoked = NULL WHERE id = ? AND generation = ?",
               sdk.in_token, sdk.generation, ByteView(sdk.kek.serial), sdk.kek.der, ByteView(sdk.sign.serial),
               sdk.sign.der, sdk.id, sdk.generation - 1));
    if (db.changes() != 1)
        return fail(ErrorCode::conflict,
                    "the keys of the SDK instance " + sdk.sdk_id + " changed meanwhile; look at it again");
    return {};
}

Status set_version(Transaction& transaction, std::int64_t id, std::string_view version) {
    return transaction.db().run("UPDATE mpoc_sdks SET version = ? WHERE id = ?", version, id);
}

Status set_blocked(Transaction& transaction, std::int64_t id, std::optional<SystemTime> since) {
    return transaction.db().run("UPDATE mpoc_sdks SET blocked = ? WHERE id = ?", since, id);
}

Status set_keys_revoked(Transaction& transaction, std::int64_t id, SystemTime since) {
    return transaction.db().run("UPDATE mpoc_sdks SET keys_revoked = ? WHERE id = ?", since, id);
}

Status set_decommissioned(Transaction& transaction, std::int64_t id, SystemTime since) {
    return transaction.db().run("UPDATE mpoc_sdks SET decommissioned = ? WHERE id = ?", since, id);
}

Status attest(Transaction& transaction, std::int64_t id, const MpocAttestation& attestation) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("INSERT INTO mpoc_attestations (sdk, result, advice, version, time, received) "
               "VALUES (?, ?, ?, ?, ?, ?)",
               id, attestation.result, attestation.advice, attestation.version, attestation.time,
               attestation.received));
    return db.run(
        "UPDATE mpoc_sdks SET attest_result = ?1, attest_advice = ?2, attest_time = ?3 "
        "WHERE id = ?4 AND (attest_time IS NULL OR attest_time <= ?3)",
        attestation.result, attestation.advice, attestation.time, id);
}

Result<std::vector<MpocAttestation>> attestations(Connection& db, std::int64_t id, std::int64_t before,
                                                  std::size_t limit) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT id, result, advice, version, time, received FROM mpoc_attestations "
                           "WHERE sdk = ?1 AND (?2 = 0 OR id < ?2) ORDER BY id DESC LIMIT ?3",
                           id, before, std::uint64_t{limit}));
    std::vector<MpocAttestation> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return out;
        out.push_back({.id = query.integer(0),
                       .result = query.text(1),
                       .advice = query.text(2),
                       .version = query.text(3),
                       .time = query.time(4),
                       .received = query.time(5)});
    }
}

Result<std::size_t> prune_attestations(Transaction& transaction, SystemTime received_before,
                                       std::size_t limit) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("DELETE FROM mpoc_attestations WHERE id IN "
               "(SELECT id FROM mpoc_attestations WHERE received < ? ORDER BY received LIMIT ?)",
               received_before, std::uint64_t{limit}));
    return static_cast<std::size_t>(db.changes());
}

Status insert_payment_key(Transaction& transaction, const MpocPaymentKey& key) {
    return transaction.db().run(
        "INSERT INTO mpoc_payment_keys (key_id, sdk, key_index, generation, algorithm, kcv, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        key.key_id, key.sdk, key.index, key.generation, key.algorithm, key.kcv, key.created);
}

Result<std::vector<MpocPaymentKey>> payment_keys(Connection& db, std::int64_t id, std::size_t limit) {
    SIGNET_ASSIGN(auto query, db.query("SELECT key_id, sdk, key_index, generation, algorithm, kcv, created "
                                       "FROM mpoc_payment_keys WHERE sdk = ? ORDER BY key_index DESC LIMIT ?",
                                       id, std::uint64_t{limit}));
    std::vector<MpocPaymentKey> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return out;
        out.push_back({.key_id = query.text(0),
                       .sdk = query.integer(1),
                       .index = query.number32(2),
                       .generation = query.number32(3),
                       .algorithm = query.text(4),
                       .kcv = query.text(5),
                       .created = query.time(6)});
    }
}

Result<std::uint32_t> next_payment_index(Connection& db, std::int64_t id) {
    SIGNET_ASSIGN(
        auto query,
        db.query("SELECT coalesce(max(key_index), 0) + 1 FROM mpoc_payment_keys WHERE sdk = ?", id));
    SIGNET_TRY(query.step());
    return query.number32(0);
}

Result<std::size_t> erase_payment_keys(Transaction& transaction, std::int64_t id) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run("DELETE FROM mpoc_payment_keys WHERE sdk = ?", id));
    return static_cast<std::size_t>(db.changes());
}

}  // namespace signet::sqlite::mpoc_sdk_store
