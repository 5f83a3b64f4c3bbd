// The audit chain as the daemon keeps it: pages for reading, signed checkpoints, retention, refusals.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/service/caller.h"
#include "daemon/service/keys.h"
#include "hsm/frames/token_interface.h"
#include "sqlite/audit_export.h"
#include "sqlite/audit_log.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::service {

struct AuditSettings {
    std::string key;                        // label of the audit key
    std::uint32_t checkpoint_every = 1000;  // records
    std::chrono::milliseconds checkpoint_interval{60'000};
    std::chrono::milliseconds retention = std::chrono::days{400};
    std::filesystem::path archive;  // directory
};

// An authenticated caller was refused.
struct AuditedRefusal {
    std::string principal;
    std::string permission;
    std::string resource;
    std::string algorithm;
    std::string why;
    std::string peer;
    std::string request_id;
    bool by_rate = false;
};

struct ArchivedPart {
    sqlite::ExportReport report;
    std::string file;  // its name in the archive directory
};

// A record with what proves it: the chain's head at it, signed by the audit key.
struct SignedRecord {
    sqlite::AuditRecord record;
    Sha256 previous{};  // the hash that the record builds on
    sqlite::Checkpoint checkpoint;
};

class Audit {
  public:
    struct Parts {
        TokenInterface& token;
        Keys& keys;
        sqlite::Writer& writer;
        sqlite::ReadPool& readers;
        const Clock& clock;
        std::filesystem::path database;
        // Refusals of anonymous callers since the start, which are counted only.
        std::function<std::uint64_t()> anonymous_refusals;
    };
    Audit(Parts parts, AuditSettings settings) : parts_(std::move(parts)), settings_(std::move(settings)) {}
    void replace(AuditSettings settings);

    // At most `limit` (1,000) records after `after`.
    Result<sqlite::AuditPage> read(const sqlite::AuditFilter& filter, std::uint64_t after, std::size_t limit);
    Result<std::optional<sqlite::Checkpoint>> last_checkpoint();

    // Adds a record of the daemon itself: "system.start", "system.reload".
    Status note(std::string_view action, std::string_view outcome, std::string details);
    // Returns at once; what the queue has no room for is counted and reported in the next summary.
    void refused(const AuditedRefusal& refusal);
    // One record for what was only counted since the last one: anonymous refusals, repeated rate refusals.
    void summarise_refusals();

    // Signs the head of the chain with the audit key, through the token, which anchors it and refuses to go back. The head
    // also goes to the journal. When the last checkpoint covers the head already, that one is returned. Errors: not_found
    // (an empty chain), the key's and the token's, storage_*.
    Result<sqlite::Checkpoint> checkpoint(Deadline deadline);
    // Adds the record and signs the head at it, whatever else is written meanwhile. Errors: those of `checkpoint`.
    Result<SignedRecord> append_signed(sqlite::AuditRecord record, Deadline deadline);
    // `checkpoint`, when enough records or time have passed; false when it failed, which is logged.
    bool checkpoint_if_due(std::chrono::milliseconds time_limit);

    // Moves what is older than the retention, or than `before`, into a file of the archive directory; nullopt when nothing
    // is. One at a time; error besides the storage's: conflict (another one runs).
    Result<std::optional<ArchivedPart>> archive(const Caller& caller, std::optional<SystemTime> before = {});

    // Compares the chain with the token's anchor: a database that was put back to an older state is behind it, or on another
    // branch. A damaged anchor, or none where there was one, is trouble too. False when the token did not answer. Called
    // when the token becomes reachable.
    bool compare_with_anchor(Deadline deadline);
    // Why the chain cannot be trusted or is not signed any more; empty when all is well.
    std::string trouble() const;
    // Nothing is signed while the chain cannot be trusted: what would be recorded is no record. Costs a load from memory.
    // Errors: token_unavailable (not compared yet), storage_failed (the trouble).
    Status trusted() const;

  private:
    AuditSettings settings() const;
    sqlite::AuditVerifyOptions verification() const;
    void set_trouble(std::string text);
    Result<sqlite::Checkpoint> sign(const sqlite::ChainHead& head, const sqlite::ChainHead& previous,
                                    const KeyVersion& key, Deadline deadline);
    // With checkpointing_ held: signs, anchors and keeps the checkpoint.
    Result<sqlite::Checkpoint> sign_and_keep(const sqlite::ChainHead& head, Deadline deadline);
    // The head that the token anchored, where it is one of this chain.
    std::optional<sqlite::ChainHead> anchored_head(Deadline deadline);

    Parts parts_;
    enum class Trust : std::uint8_t { unknown, good, none };
    std::atomic<Trust> trust_{Trust::unknown};
    mutable std::mutex mutex_;  // guards what follows
    AuditSettings settings_;
    std::string trouble_;
    std::uint64_t reported_anonymous_ = 0;
    std::uint64_t unwritten_ = 0;      // refusals that found the writer's queue full
    std::uint64_t rate_refusals_ = 0;  // counted since the last summary
    std::map<std::string, SystemTime, std::less<>> rate_refused_at_;  // principal and permission

    std::mutex checkpointing_;  // one at a time; guards the next two
    std::optional<sqlite::ChainHead> signed_head_;
    SystemTime signed_at_{};
    bool failing_ = false;  // of the background thread alone
    std::mutex archiving_;
};

}  // namespace signet::service
