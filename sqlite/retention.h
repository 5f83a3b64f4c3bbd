// Deletes what nobody needs any more, a little at a time. The audit chain has its own (archive_audit).
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "base/error.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct RetentionLimits {
    std::chrono::hours certificates{24 * 3650};  // after they expired
    std::chrono::hours crls{24 * 400};           // after nextUpdate; the latest of a CA key always stays
    std::chrono::hours delivered{24 * 7};        // outbox messages, after delivery
    std::chrono::hours dead_letters{24 * 90};    // after they were given up
    std::chrono::hours intents{24 * 400};        // after they were settled; open ones stay
    std::chrono::hours approvals{24 * 400};      // after they were used, rejected, or expired
};

struct RetentionReport {
    std::uint64_t idempotency = 0;
    std::uint64_t certificates = 0;
    std::uint64_t crls = 0;
    std::uint64_t outbox = 0;
    std::uint64_t intents = 0;
    std::uint64_t approvals = 0;
    std::uint64_t total() const { return idempotency + certificates + crls + outbox + intents + approvals; }
};

// At most `limit` rows of each table, so that other writers wait a moment only; call it again while something
// went.
Result<RetentionReport> prune(Transaction& transaction, const RetentionLimits& limits, SystemTime now,
                              std::size_t limit = 500);
// As many pieces of work as it takes, one after the other.
Result<RetentionReport> prune_all(Writer& writer, const RetentionLimits& limits, SystemTime now);

}  // namespace signet::sqlite
