// The audit chain in the database: records, signed checkpoints, and the anchor that an archived beginning
// leaves.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "sqlite/audit_record.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

// A record as it is stored, with its place in the chain.
struct ChainedRecord {
    AuditRecord record;
    Sha256 hash{};  // chain_hash(hash of the record before, record)
    bool operator==(const ChainedRecord&) const = default;
};

// A head of the chain signed by the token's audit key (checkpoint_message in hsm/frames says what is signed).
struct Checkpoint {
    ChainHead head{};
    std::int64_t time_ms = 0;  // when it was signed
    std::string key_label{};   // the audit key
    std::uint32_t key_version = 0;
    std::string algorithm{};  // JOSE name: "ES256"
    Bytes signature{};        // 1 KiB at most
    bool operator==(const Checkpoint&) const = default;
};

// The end of what was archived and deleted; the oldest record left follows it.
struct ArchiveAnchor {
    ChainHead head{};  // of the last archived record; a checkpoint with this head exists
    std::int64_t time_ms = 0;
    std::string file{};    // name of the archive
    Sha256 file_digest{};  // SHA-256 of the archive
};

struct AuditFilter {
    std::string principal{};  // empty: any
    std::string action{};     // "keys.sign", or a prefix with `*`: "keys.*"
    std::string object{};     // exact, or a prefix with `*`
    std::string outcome{};
    std::string request_id{};
    std::optional<SystemTime> from{};  // inclusive
    std::optional<SystemTime> to{};    // exclusive
};

struct AuditPage {
    std::vector<ChainedRecord> records;  // by sequence
    std::uint64_t next_after = 0;        // ask for what is after this next
    bool more = false;                   // the end of the chain was not reached
};

namespace audit_log {

// The last record, or the archive anchor if none is left, or (0, zeros).
Result<ChainHead> head(Connection& db);
// The sequence and hash that the oldest stored record builds on: the newest archive anchor, or (0, zeros).
Result<ChainHead> base(Connection& db);
Result<std::optional<ChainedRecord>> find(Connection& db, std::uint64_t sequence);
// At most `limit` (1,000) records after sequence number `after`.
Result<AuditPage> read(Connection& db, std::uint64_t after, std::size_t limit);
// As `read`, with a filter; looks at no more than `scan` records a call, so that no reader pins the WAL for
// long: a page may be empty and have `more`.
Result<AuditPage> search(Connection& db, const AuditFilter& filter, std::uint64_t after, std::size_t limit,
                         std::size_t scan = 20'000);
// Calls `visit` with each of at most `limit` records after `after`, all in one object; returns how many there were. An
// error of `visit` ends it.
Result<std::size_t> visit(Connection& db, std::uint64_t after, std::size_t limit,
                          const std::function<Status(const ChainedRecord&)>& visitor);
// The last `limit` records, oldest first.
Result<AuditPage> tail(Connection& db, std::size_t limit);

// Error: conflict if the chain holds no record with this head.
Status add_checkpoint(Transaction& transaction, const Checkpoint& checkpoint);
Result<std::optional<Checkpoint>> last_checkpoint(Connection& db);
// The last one signed before `time`: where a retention may cut.
Result<std::optional<Checkpoint>> last_checkpoint_before(Connection& db, SystemTime time);
// In order, at most `limit`, with sequence numbers after `after`.
Result<std::vector<Checkpoint>> checkpoints(Connection& db, std::uint64_t after, std::size_t limit);

Result<std::optional<ArchiveAnchor>> last_anchor(Connection& db);
// Records which archive now holds the chain up to `anchor.head`. Error: failed_precondition unless a
// checkpoint has this head: an anchor that nobody signed would be a way to shorten the chain.
Status add_anchor(Transaction& transaction, const ArchiveAnchor& anchor);
// Deletes at most `limit` records that the newest anchor covers; returns how many. The database refuses to
// delete others.
Result<std::size_t> delete_archived(Transaction& transaction, std::size_t limit);

}  // namespace audit_log
}  // namespace signet::sqlite
