#include "sqlite/mosip_vendor_store.h"

#include <algorithm>

namespace signet::sqlite::mosip_vendor_store {
namespace {

#define SIGNET_MOSIP_VENDOR_QUERY "SELECT id, provider_id, name, disabled, created FROM mosip_vendors "

MosipVendor vendor_of(const Statement& row) {
    return {.id = row.integer(0),
            .provider_id = row.text(1),
            .name = row.text(2),
            .disabled = row.optional_time(3),
            .created = row.time(4)};
}

Result<std::optional<MosipVendor>> one(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return vendor_of(*query);
}

}  // namespace

Result<std::int64_t> insert(Transaction& transaction, const MosipVendor& vendor) {
    auto& db = transaction.db();
    auto inserted = db.run("INSERT INTO mosip_vendors (provider_id, name, created) VALUES (?, ?, ?)",
                           vendor.provider_id, vendor.name, vendor.created);
    if (!inserted) {
        if (inserted.error().code == ErrorCode::already_exists)
            inserted.error().message = "there is a vendor " + vendor.provider_id + " already";
        return std::unexpected(std::move(inserted).error());
    }
    return db.last_insert_id();
}

Result<std::optional<MosipVendor>> find(Connection& db, std::string_view provider_id) {
    return one(db.query(SIGNET_MOSIP_VENDOR_QUERY "WHERE provider_id = ?", provider_id));
}

Result<std::optional<MosipVendor>> find(Connection& db, std::int64_t id) {
    return one(db.query(SIGNET_MOSIP_VENDOR_QUERY "WHERE id = ?", id));
}

Result<std::vector<MosipVendor>> list(Connection& db, std::int64_t after, std::size_t limit) {
    SIGNET_ASSIGN(auto query, db.query(SIGNET_MOSIP_VENDOR_QUERY "WHERE id > ? ORDER BY id LIMIT ?", after,
                                       std::uint64_t{limit}));
    std::vector<MosipVendor> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return out;
        out.push_back(vendor_of(query));
    }
}

Status set_disabled(Transaction& transaction, std::int64_t id, std::optional<SystemTime> since) {
    return transaction.db().run("UPDATE mosip_vendors SET disabled = ? WHERE id = ?", since, id);
}

Result<std::vector<MosipAnchor>> anchors(Connection& db, std::int64_t vendor) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT fingerprint, der, added FROM mosip_anchors WHERE vendor = ?", vendor));
    std::vector<MosipAnchor> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return out;
        MosipAnchor anchor;
        if (const auto bytes = query.bytes_view(0); bytes.size() == anchor.fingerprint.size())
            std::ranges::copy(bytes, anchor.fingerprint.begin());
        anchor.der = query.bytes(1);
        anchor.added = query.time(2);
        out.push_back(std::move(anchor));
    }
}

Status insert_anchor(Transaction& transaction, std::int64_t vendor, const MosipAnchor& anchor) {
    auto inserted = transaction.db().run(
        "INSERT INTO mosip_anchors (vendor, fingerprint, der, added) VALUES (?, ?, ?, ?)", vendor,
        ByteView(anchor.fingerprint), anchor.der, anchor.added);
    if (!inserted && inserted.error().code == ErrorCode::already_exists)
        inserted.error().message = "the vendor has this certificate already";
    return inserted;
}

Status erase_anchor(Transaction& transaction, std::int64_t vendor, ByteView fingerprint) {
    auto& db = transaction.db();
    SIGNET_TRY(db.run("DELETE FROM mosip_anchors WHERE vendor = ? AND fingerprint = ?", vendor, fingerprint));
    if (db.changes() != 1)
        return fail(ErrorCode::not_found, "the vendor has no certificate with this fingerprint");
    return {};
}

}  // namespace signet::sqlite::mosip_vendor_store
