// One record of the audit chain, and the bytes its hash covers.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"

namespace signet::sqlite {

// Secrets never enter a record. Every text is UTF-8 and bounded: `details` by 256 KiB (the digests of a full
// batch of SHA-512 signatures), the others by 1 KiB.
struct AuditRecord {
    std::uint64_t sequence = 0;  // given by the chain, from 1, without gaps
    std::int64_t time_ms = 0;    // UTC, since 1970; given by the chain when 0
    std::string request_id{};    // as in the answer and the log
    std::string principal{};     // who asked: a name from the policy, `public`, or `system`
    std::string action{};        // a permission's name: "keys.sign", "ca.issue"; or "system.start", …
    std::string object{};        // "device.ca/1", "paycontrol/user/…"
    std::string outcome{};       // "ok", "refused", "failed", "intent"
    std::string details{};       // a JSON object, kept to the letter, or empty
    bool operator==(const AuditRecord&) const = default;
};

// Errors: invalid_argument (no UTF-8), too_large.
Status check_record(const AuditRecord& record);

// Where the chain stands: the last record's sequence number and hash.
struct ChainHead {
    std::uint64_t sequence = 0;
    Sha256 hash{};  // zeros before the first record
    bool operator==(const ChainHead&) const = default;
};

// SHA-256("signet-audit-1" ‖ 0 ‖ previous ‖ sequence ‖ time_ms ‖ each text with a 4-byte length), numbers of
// 8 bytes big-endian, in the order of the fields above.
Sha256 chain_hash(const Sha256& previous, const AuditRecord& record);

}  // namespace signet::sqlite
