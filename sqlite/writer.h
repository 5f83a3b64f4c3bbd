// The one thread that writes the database: requests queue up, and whatever waits shares one transaction
// (group commit).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "sqlite/audit_record.h"
#include "sqlite/connection.h"

namespace signet::sqlite {

// What a piece of work sees: the database and the audit chain inside its own SAVEPOINT. State and audit
// records of one piece of work become durable together or not at all.
class Transaction {
  public:
    virtual ~Transaction() = default;
    virtual Connection& db() = 0;
    // Adds a record to the hash chain and returns its sequence number.
    virtual Result<std::uint64_t> audit(const AuditRecord& record) = 0;
};

using Work = std::function<Status(Transaction&)>;

// Since the start; for /v1/metrics.
struct WriterStatistics {
    static constexpr std::size_t kBuckets = 16;
    std::size_t depth = 0;                              // pieces of work that wait now
    std::uint64_t refused = 0;                          // pieces of work that found the queue full
    std::uint64_t pieces = 0;                           // pieces of work that were taken from the queue
    std::uint64_t failed = 0;                           // of these, those that failed
    std::uint64_t commits = 0;                          // transactions committed
    std::uint64_t failed_batches = 0;                   // transactions that did not begin or commit
    std::uint64_t batch_size_total = 0;                 // pieces of work in committed transactions
    std::array<std::uint64_t, kBuckets> batch_sizes{};  // bucket i: up to 2^i pieces of work
    std::uint64_t commit_us_total = 0;                  // time inside COMMIT, in microseconds
    std::array<std::uint64_t, kBuckets>
        commit_us{};      // bucket i: up to 16 * 2^i microseconds; the last also all above
    bool healthy = true;  // the last batch became durable
};

class Writer {
  public:
    struct Options {
        std::size_t queue_limit = 4096;  // pieces of work; past it work fails with overloaded
        std::size_t batch_limit = 256;   // pieces of work in one transaction
        // How long a batch waits for another process that holds the write lock (an offline ceremony, a backup
        // tool).
        std::chrono::milliseconds lock_timeout{5000};
    };

    // Takes a migrated connection (Mode::read_write or create) and reads the chain's head. The clock must
    // outlive it.
    static Result<std::unique_ptr<Writer>> start(Options options, Connection connection, const Clock& clock);

    // Stops as `stop` does.
    virtual ~Writer() = default;

    // Returns when the work is durable (synchronous=FULL) or has failed; an error of the work itself rolls
    // back its own savepoint only. A broken or full disk fails the whole batch. Errors: the work's,
    // overloaded, storage_full, storage_failed, cancelled (stopped). `work` runs on the writer thread, at
    // most once.
    virtual Status run(Work work) = 0;
    // As `run`; `done` runs once, on the writer thread (or, when the queue is full or the writer stopped, on
    // the calling one): it must not block and must not call `run` or `append`.
    virtual void run_async(Work work, std::function<void(Status)> done) = 0;
    // The fast path of signing: one audit record and nothing else, with no savepoint of its own.
    virtual void append_async(AuditRecord record, std::function<void(Result<std::uint64_t>)> done) = 0;
    Result<std::uint64_t> append(AuditRecord record);

    // Does what waits, then ends the thread; later work fails with cancelled. May be called again.
    virtual void stop() = 0;

    virtual WriterStatistics statistics() const = 0;
    // When the writer thread last went round its loop: at least once a second, also when idle. A watchdog
    // that sees it stand still for long knows that the disk hangs.
    virtual SteadyTime heartbeat() const = 0;
    // The last durable record: (0, zeros) for an empty chain.
    virtual ChainHead head() const = 0;
};

}  // namespace signet::sqlite
