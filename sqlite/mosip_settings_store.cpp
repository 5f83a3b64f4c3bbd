#include "sqlite/mosip_settings_store.h"

#include <algorithm>

namespace signet::sqlite::mosip_settings_store {
namespace {

using std::chrono::milliseconds;

MosipEncryptionCertificate certificate_of(const Statement& row) {
    MosipEncryptionCertificate out;
    out.id = row.integer(0);
    if (const auto bytes = row.bytes_view(1); bytes.size() == out.fingerprint.size())
        std::ranges::copy(bytes, out.fingerprint.begin());
    out.der = row.bytes(2);
    out.added = row.time(3);
    return out;
}

#define SIGNET_MOSIP_REGISTRATION_QUERY \
    "SELECT id, device, state, response, created FROM mosip_registrations "

Result<std::optional<MosipRegistration>> one_registration(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    SIGNET_ASSIGN(const bool row, query->step());
    if (!row) return std::nullopt;
    return MosipRegistration{.id = query->integer(0),
                             .device = query->integer(1),
                             .state = static_cast<MosipRegistrationState>(query->integer(2)),
                             .response = query->text(3),
                             .created = query->time(4)};
}

}  // namespace

Result<MosipPolicy> policy(Connection& db) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT snapshot_validity, resync_within, rotate_after, rotate_issued_before, "
                           "certificate_validity, minimum_version, download_url, banner "
                           "FROM mosip_policy WHERE id = 1"));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return fail(ErrorCode::internal, "the database has no policy of the management server");
    return MosipPolicy{.snapshot_validity = milliseconds(query.integer(0)),
                       .resync_within = milliseconds(query.integer(1)),
                       .rotate_after = milliseconds(query.integer(2)),
                       .rotate_issued_before = query.optional_time(3),
                       .certificate_validity = milliseconds(query.integer(4)),
                       .minimum_version = query.text(5),
                       .download_url = query.text(6),
                       .banner = query.text(7)};
}

Status set_policy(Transaction& transaction, const MosipPolicy& policy) {
    return transaction.db().run(
        "UPDATE mosip_policy SET snapshot_validity = ?, resync_within = ?, rotate_after = ?, "
        "rotate_issued_before = ?, certificate_validity = ?, minimum_version = ?, download_url = ?, banner = "
        "? "
        "WHERE id = 1",
        std::int64_t{policy.snapshot_validity.count()}, std::int64_t{policy.resync_within.count()},
        std::int64_t{policy.rotate_after.count()}, policy.rotate_issued_before,
        std::int64_t{policy.certificate_validity.count()}, policy.minimum_version, policy.download_url,
        policy.banner);
}

Result<std::optional<MosipEncryptionCertificate>> encryption_certificate(Connection& db) {
    SIGNET_ASSIGN(auto all, encryption_certificates(db, 1));
    if (all.empty()) return std::nullopt;
    return std::move(all.front());
}

Result<std::vector<MosipEncryptionCertificate>> encryption_certificates(Connection& db, std::size_t limit) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT id, fingerprint, der, added FROM mosip_encryption_certificates "
                           "ORDER BY id DESC LIMIT ?",
                           std::uint64_t{limit}));
    std::vector<MosipEncryptionCertificate> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return out;
        out.push_back(certificate_of(query));
    }
}

Status add_encryption_certificate(Transaction& transaction, const MosipEncryptionCertificate& certificate) {
    auto inserted = transaction.db().run(
        "INSERT INTO mosip_encryption_certificates (fingerprint, der, added) VALUES (?, ?, ?)",
        ByteView(certificate.fingerprint), certificate.der, certificate.added);
    if (!inserted && inserted.error().code == ErrorCode::already_exists)
        inserted.error().message = "this encryption certificate was set before";
    return inserted;
}

Result<std::int64_t> insert_registration(Transaction& transaction, const MosipRegistration& registration) {
    auto& db = transaction.db();
    SIGNET_TRY(
        db.run("INSERT INTO mosip_registrations (device, state, response, created) VALUES (?, ?, ?, ?)",
               registration.device, static_cast<int>(registration.state), registration.response,
               registration.created));
    return db.last_insert_id();
}

Result<std::optional<MosipRegistration>> registration(Connection& db, std::int64_t id) {
    return one_registration(db.query(SIGNET_MOSIP_REGISTRATION_QUERY "WHERE id = ?", id));
}

Result<std::optional<MosipRegistration>> last_registration(Connection& db, std::int64_t device) {
    return one_registration(
        db.query(SIGNET_MOSIP_REGISTRATION_QUERY "WHERE device = ? ORDER BY id DESC LIMIT 1", device));
}

Status settle_registration(Transaction& transaction, std::int64_t id, MosipRegistrationState state,
                           std::string_view response, SystemTime at) {
    return transaction.db().run(
        "UPDATE mosip_registrations SET state = ?, response = ?, settled = ? WHERE id = ? AND state = 1",
        static_cast<int>(state), response, at, id);
}

}  // namespace signet::sqlite::mosip_settings_store
