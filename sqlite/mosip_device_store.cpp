#include "sqlite/mosip_device_store.h"

#include <algorithm>

#include "base/digest.h"

namespace signet::sqlite::mosip_device_store {
namespace {

#define SIGNET_MOSIP_DEVICE_QUERY                                                                      \
    "SELECT id, vendor, serial_number, model, purpose, bio_type, white_listed, valid_until, blocked, " \
    "registered, device_code, last_sync, service_version, must_rotate, certificate, issued, expires, " \
    "serial, "                                                                                         \
    "key_hash, created FROM mosip_devices "

MosipDevice device_of(const Statement& row) {
    MosipDevice device;
    device.id = row.integer(0);
    device.vendor = row.integer(1);
    device.serial_number = row.text(2);
    device.model = row.text(3);
    device.purpose = row.text(4);
    device.bio_type = row.text(5);
    device.white_listed = row.boolean(6);
    device.valid_until = row.optional_time(7);
    device.blocked = row.optional_time(8);
    device.registered = row.optional_time(9);
    if (!row.is_null(10)) device.device_code = row.text(10);
    device.last_sync = row.optional_time(11);
    device.service_version = row.text(12);
    device.must_rotate = row.boolean(13);
    device.certificate = row.bytes(14);
    device.issued = row.optional_time(15);
    device.expires = row.optional_time(16);
    device.serial = row.bytes(17);
    device.key_hash = row.bytes(18);
    device.created = row.time(19);
    return device;
}

Result<std::optional<MosipDevice>> one(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return device_of(*query);
}

Result<std::vector<MosipDevice>> all(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    std::vector<MosipDevice> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query->step());
        if (!row) return out;
        out.push_back(device_of(*query));
    }
}

}  // namespace

Result<std::int64_t> insert(Transaction& transaction, const MosipDevice& device) {
    auto& db = transaction.db();
    auto inserted = db.run(
        "INSERT INTO mosip_devices (vendor, serial_number, model, purpose, bio_type, white_listed, "
        "valid_until, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        device.vendor, device.serial_number, device.model, device.purpose, device.bio_type,
        device.white_listed, device.valid_until, device.created);
    if (!inserted) {
        if (inserted.error().code == ErrorCode::already_exists)
            inserted.error().message =
                "the vendor has a device with the serial number " + device.serial_number + " already";
        return std::unexpected(std::move(inserted).error());
    }
    return db.last_insert_id();
}

Result<std::optional<MosipDevice>> find(Connection& db, std::int64_t vendor, std::string_view serial_number) {
    return one(
        db.query(SIGNET_MOSIP_DEVICE_QUERY "WHERE vendor = ? AND serial_number = ?", vendor, serial_number));
}

Result<std::optional<MosipDevice>> find(Connection& db, std::int64_t id) {
    return one(db.query(SIGNET_MOSIP_DEVICE_QUERY "WHERE id = ?", id));
}

Result<std::vector<MosipDevice>> list(Connection& db, std::int64_t vendor, std::int64_t after,
                                      std::size_t limit) {
    if (vendor != 0)
        return all(db.query(SIGNET_MOSIP_DEVICE_QUERY
                            "INDEXED BY mosip_devices_list WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
                            vendor, after, std::uint64_t{limit}));
    return all(
        db.query(SIGNET_MOSIP_DEVICE_QUERY "WHERE id > ? ORDER BY id LIMIT ?", after, std::uint64_t{limit}));
}

Result<std::vector<MosipDevice>> idle(Connection& db, SystemTime before, std::size_t limit) {
    return all(db.query(SIGNET_MOSIP_DEVICE_QUERY
                        "WHERE registered IS NOT NULL AND last_sync < ? ORDER BY last_sync LIMIT ?",
                        before, std::uint64_t{limit}));
}

Status update(Transaction& transaction, const MosipDevice& device) {
    return transaction.db().run(
        "UPDATE mosip_devices SET model = ?, purpose = ?, bio_type = ?, white_listed = ?, valid_until = ?, "
        "blocked = ?, must_rotate = ? WHERE id = ?",
        device.model, device.purpose, device.bio_type, device.white_listed, device.valid_until,
        device.blocked, device.must_rotate, device.id);
}

Status note_sync(Transaction& transaction, std::int64_t id, SystemTime at, std::string_view service_version) {
    return transaction.db().run("UPDATE mosip_devices SET last_sync = ?, service_version = ? WHERE id = ?",
                                at, service_version, id);
}

Status set_registered(Transaction& transaction, std::int64_t id, SystemTime at,
                      std::string_view device_code) {
    auto done = transaction.db().run(
        "UPDATE mosip_devices SET registered = ?1, last_sync = ?1, device_code = ?2 WHERE id = ?3", at,
        device_code, id);
    if (!done && done.error().code == ErrorCode::already_exists)
        done.error().message = "the device code belongs to another device";
    return done;
}

Result<bool> deregister(Transaction& transaction, std::int64_t id, SystemTime before) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("UPDATE mosip_devices SET registered = NULL "
               "WHERE id = ? AND registered IS NOT NULL AND last_sync < ?",
               id, before));
    return db.changes() == 1;
}

Status deregister(Transaction& transaction, std::int64_t id) {
    return transaction.db().run("UPDATE mosip_devices SET registered = NULL WHERE id = ?", id);
}

Status set_certificate(Transaction& transaction, const MosipDevice& device, ByteView previous_serial) {
    auto& db = transaction.db();
    auto done = db.run(
        "UPDATE mosip_devices SET certificate = ?, issued = ?, expires = ?, serial = ?, "
        "key_hash = ?, must_rotate = 0 WHERE id = ? AND coalesce(serial, x'') = ?",
        device.certificate, device.issued, device.expires, device.serial, device.key_hash, device.id,
        previous_serial);
    if (!done) {
        if (done.error().code == ErrorCode::already_exists)
            done.error().message = "the key belongs to another device";
        return done;
    }
    if (db.changes() != 1)
        return fail(ErrorCode::conflict, "the device has got another certificate meanwhile");
    return {};
}

TransactionDigest transaction_digest(std::string_view provider_id, std::string_view serial_number,
                                     std::string_view transaction_id) {
    std::string text;
    for (const auto part : {provider_id, serial_number, transaction_id})
        text.append(std::to_string(part.size())).append(1, ':').append(part);
    const auto hash = sha256(as_bytes(text));
    TransactionDigest out{};
    std::copy_n(hash.begin(), out.size(), out.begin());
    return out;
}

Status note_transaction(Transaction& transaction, const TransactionDigest& digest, SystemTime at) {
    const auto noted = transaction.db().run("INSERT INTO mosip_transactions (digest, at) VALUES (?, ?)",
                                            ByteView(digest), at);
    if (!noted && noted.error().code == ErrorCode::already_exists)
        return fail(ErrorCode::conflict, "the uniqueTransactionId was used already");
    return noted;
}

Result<bool> seen(Connection& db, const TransactionDigest& digest) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT 1 FROM mosip_transactions WHERE digest = ?", ByteView(digest)));
    return query.step();
}

Status add_event(Transaction& transaction, std::int64_t device, const MosipEvent& event) {
    return transaction.db().run("INSERT INTO mosip_events (device, at, event, details) VALUES (?, ?, ?, ?)",
                                device, event.at, event.event, event.details);
}

Result<std::vector<MosipEvent>> events(Connection& db, std::int64_t device, std::int64_t before,
                                       std::size_t limit) {
    SIGNET_ASSIGN(auto query, db.query("SELECT id, at, event, details FROM mosip_events "
                                       "WHERE device = ?1 AND (?2 = 0 OR id < ?2) ORDER BY id DESC LIMIT ?3",
                                       device, before, std::uint64_t{limit}));
    std::vector<MosipEvent> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return out;
        out.push_back(
            {.id = query.integer(0), .at = query.time(1), .event = query.text(2), .details = query.text(3)});
    }
}

Result<std::size_t> prune(Transaction& transaction, SystemTime transactions_before, SystemTime events_before,
                          std::size_t limit) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("DELETE FROM mosip_transactions WHERE digest IN "
               "(SELECT digest FROM mosip_transactions WHERE at < ? ORDER BY at LIMIT ?)",
               transactions_before, std::uint64_t{limit}));
    auto gone = static_cast<std::size_t>(db.changes());
    SIGNET_TRY(
        db.run("DELETE FROM mosip_events WHERE id IN "
               "(SELECT id FROM mosip_events WHERE at < ? ORDER BY at LIMIT ?)",
               events_before, std::uint64_t{limit}));
    gone += static_cast<std::size_t>(db.changes());
    return gone;
}

}  // namespace signet::sqlite::mosip_device_store
