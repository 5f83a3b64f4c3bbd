// Certificates that the appliance's CAs issued, and their revocations.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

using Serial = std::array<std::uint8_t, 16>;  // 128 random bits, big-endian

// CRLReason (RFC 5280 section 5.3.1).
enum class RevocationReason : std::uint8_t {
    unspecified = 0,
    key_compromise = 1,
    ca_compromise = 2,
    affiliation_changed = 3,
    superseded = 4,
    cessation_of_operation = 5,
    certificate_hold = 6,
    remove_from_crl = 8,
    privilege_withdrawn = 9,
    aa_compromise = 10,
};
std::optional<RevocationReason> revocation_reason_from(std::uint8_t value);

struct Revocation {
    SystemTime at{};
    RevocationReason reason = RevocationReason::unspecified;
    bool operator==(const Revocation&) const = default;
};

struct StoredCertificate {
    std::string ca{};  // label
    std::uint32_t ca_version = 1;
    Serial serial{};
    std::string subject{};  // RFC 4514 text
    SystemTime not_before{};
    SystemTime not_after{};
    SystemTime issued{};
    Bytes der{};
    std::string profile{};
    std::string requester{};  // principal
    std::optional<Revocation> revocation{};
    bool operator==(const StoredCertificate&) const = default;
};

struct RevokedSerial {
    Serial serial{};
    Revocation revocation{};
};

struct CertificateFilter {
    std::string subject{};  // a part of it, without regard to ASCII case; empty: any
    std::string requester{};
    std::string profile{};
    std::optional<bool> revoked{};
    std::optional<SystemTime> expires_before{};
};

struct CertificatePage {
    std::vector<StoredCertificate> certificates;  // in order of issue
    std::int64_t next_after = 0;
    bool more = false;
};

namespace certificate_store {

// Serials are unique for a CA's label, over all versions of its key.
Result<std::optional<StoredCertificate>> find(Connection& db, std::string_view ca, const Serial& serial);
// `after` is 0 or the `next_after` of the page before; at most `limit` (1,000).
Result<CertificatePage> list(Connection& db, std::string_view ca, const CertificateFilter& filter,
                             std::int64_t after, std::size_t limit);
// What a CRL of this CA key lists: revoked and not expired before `expired_before` (RFC 5280 section 3.3
// wants an expired one on at least one more CRL), by serial.
Result<std::vector<RevokedSerial>> revoked(Connection& db, std::string_view ca, std::uint32_t ca_version,
                                           SystemTime expired_before);
Result<std::uint64_t> count(Connection& db, std::string_view ca);

// Error: already_exists (draw another serial).
Status insert(Transaction& transaction, const StoredCertificate& certificate);
// Errors: not_found, conflict (revoked already; a certificate on hold may be revoked for good).
Status revoke(Transaction& transaction, std::string_view ca, const Serial& serial,
              const Revocation& revocation);
// Ends a hold. Errors: not_found, conflict (not on hold).
Status release(Transaction& transaction, std::string_view ca, const Serial& serial);

}  // namespace certificate_store
}  // namespace signet::sqlite
