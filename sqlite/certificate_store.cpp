#include "sqlite/certificate_store.h"

#include <algorithm>

#include "base/encoding.h"

namespace signet::sqlite {

std::optional<RevocationReason> revocation_reason_from(std::uint8_t value) {
    if (value > 10 || value == 7) return std::nullopt;
    return static_cast<RevocationReason>(value);
}

namespace certificate_store {
namespace {

constexpr std::size_t kMaxPage = 1000;
#define SIGNET_CERTIFICATE_QUERY                                                                       \
    "SELECT ca, ca_version, serial, subject, not_before, not_after, issued, der, profile, requester, " \
    "revoked_at, "                                                                                     \
    "revoked_reason, id FROM certificates "

Serial serial_at(const Statement& row, int column) {
    Serial serial{};
    if (const auto bytes = row.bytes_view(column); bytes.size() == serial.size())
        std::ranges::copy(bytes, serial.begin());
    return serial;
}

Revocation revocation_at(const Statement& row, int column) {
    return {row.time(column), static_cast<RevocationReason>(row.integer(column + 1))};
}

StoredCertificate certificate_of(const Statement& row) {
    StoredCertificate certificate;
    certificate.ca = row.text_view(0);
    certificate.ca_version = row.number32(1);
    certificate.serial = serial_at(row, 2);
    certificate.subject = row.text_view(3);
    certificate.not_before = row.time(4);
    certificate.not_after = row.time(5);
    certificate.issued = row.time(6);
    certificate.der = row.bytes(7);
    certificate.profile = row.text_view(8);
    certificate.requester = row.text_view(9);
    if (!row.is_null(10)) certificate.revocation = revocation_at(row, 10);
    return certificate;
}

Result<StoredCertificate> must_find(Connection& db, std::string_view ca, const Serial& serial) {
    SIGNET_ASSIGN(auto certificate, find(db, ca, serial));
    if (!certificate)
        return fail(
            ErrorCode::not_found,
            "the CA " + std::string(ca) + " issued no certificate with the serial number " + to_hex(serial));
    return *std::move(certificate);
}

}  // namespace

Result<std::optional<StoredCertificate>> find(Connection& db, std::string_view ca, const Serial& serial) {
    SIGNET_ASSIGN(auto query,
                  db.query(SIGNET_CERTIFICATE_QUERY "WHERE ca = ? AND serial = ?", ca, ByteView(serial)));
    SIGNET_ASSIGN(const bool row, query.step());
    if (!row) return std::nullopt;
    return certificate_of(query);
}

Result<CertificatePage> list(Connection& db, std::string_view ca, const CertificateFilter& filter,
                             std::int64_t after, std::size_t limit) {
    limit = std::clamp<std::size_t>(limit, 1, kMaxPage);
    // One statement for every filter: a parameter that is NULL filters nothing. instr(lower()) folds ASCII only.
    const auto given = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional(text);
    };
    SIGNET_ASSIGN(
        auto query,
        db.query(SIGNET_CERTIFICATE_QUERY
                 "WHERE ca = ?1 AND id > ?2 AND (?3 IS NULL OR instr(lower(subject), lower(?3)) > 0) "
                 "AND (?4 IS NULL OR requester = ?4) AND (?5 IS NULL OR profile = ?5) "
                 "AND (?6 IS NULL OR (revoked_at IS NOT NULL) = ?6) AND (?7 IS NULL OR not_after < ?7) "
                 "ORDER BY id LIMIT ?8",
                 ca, after, given(filter.subject), given(filter.requester), given(filter.profile),
                 filter.revoked, filter.expires_before, std::uint64_t{limit} + 1));
    CertificatePage page;
    page.next_after = after;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return page;
        if (page.certificates.size() == limit) {
            page.more = true;
            return page;
        }
        page.certificates.push_back(certificate_of(query));
        page.next_after = query.integer(12);
    }
}

Result<std::vector<RevokedSerial>> revoked(Connection& db, std::string_view ca, std::uint32_t ca_version,
                                           SystemTime expired_before) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT serial, revoked_at, revoked_reason FROM certificates "
                           "WHERE ca = ? AND ca_version = ? AND revoked_at IS NOT NULL AND not_after >= ? "
                           "ORDER BY serial",
                           ca, ca_version, expired_before));
    std::vector<RevokedSerial> found;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return found;
        found.push_back({serial_at(query, 0), revocation_at(query, 1)});
    }
}

Result<std::uint64_t> count(Connection& db, std::string_view ca) {
    SIGNET_ASSIGN(auto query, db.query("SELECT count(*) FROM certificates WHERE ca = ?", ca));
    SIGNET_TRY(query.step());
    return query.number(0);
}

Status insert(Transaction& transaction, const StoredCertificate& certificate) {
    const auto& revocation = certificate.revocation;
    auto inserted = transaction.db().run(
        "INSERT INTO certificates (ca, ca_version, serial, subject, not_before, not_after, issued, der, "
        "profile, requester, "
        "revoked_at, revoked_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        certificate.ca, certificate.ca_version, ByteView(certificate.serial), certificate.subject,
        certificate.not_before, certificate.not_after, certificate.issued, certificate.der,
        certificate.profile, certificate.requester, revocation ? std::optional(revocation->at) : std::nullopt,
        revocation ? std::optional(static_cast<int>(revocation->reason)) : std::nullopt);
    if (!inserted && inserted.error().code == ErrorCode::already_exists)
        inserted.error().message =
            "the CA " + certificate.ca + " used the serial number " + to_hex(certificate.serial) + " already";
    return inserted;
}

Status revoke(Transaction& transaction, std::string_view ca, const Serial& serial,
              const Revocation& revocation) {
    auto& db = transaction.db();
    SIGNET_ASSIGN(const auto certificate, must_find(db, ca, serial));
    if (certificate.revocation && (certificate.revocation->reason != RevocationReason::certificate_hold ||
                                   revocation.reason == RevocationReason::certificate_hold))
        return fail(ErrorCode::conflict, "the certificate " + to_hex(serial) + " is revoked already, since " +
                                             to_rfc3339(certificate.revocation->at));
    return db.run("UPDATE certificates SET revoked_at = ?, revoked_reason = ? WHERE ca = ? AND serial = ?",
                  revocation.at, static_cast<int>(revocation.reason), ca, ByteView(serial));
}

Status release(Transaction& transaction, std::string_view ca, const Serial& serial) {
    auto& db = transaction.db();
    SIGNET_ASSIGN(const auto certificate, must_find(db, ca, serial));
    if (!certificate.revocation || certificate.revocation->reason != RevocationReason::certificate_hold)
        return fail(ErrorCode::conflict, "the certificate " + to_hex(serial) + " is not on hold");
    return db.run(
        "UPDATE certificates SET revoked_at = NULL, revoked_reason = NULL WHERE ca = ? AND serial = ?", ca,
        ByteView(serial));
}

}  // namespace certificate_store
}  // namespace signet::sqlite
