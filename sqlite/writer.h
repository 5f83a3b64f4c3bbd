// The one thread that writes the database: requests queue up, and whatever waits shares one transaction (group commit).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/error.h"
#include "sqlite/audit_record.h"
#include "sqlite/connection.h"

namespace signet::sqlite {

// What a piece of work sees: the database and the audit chain inside its own SAVEPOINT. State and audit records of one
// piece of work become durable together or not at all.
class Transaction {
  public:
    virtual ~Transaction() = default;
    virtual Connection& db() = 0;
    // Adds a record to the hash chain and returns its sequence number.
    virtual Result<std::uint64_t> audit(const AuditRecord& record) = 0;
};

using Work = std::function<Status(Transaction&)>;

class Writer {
  public:
    struct Options {
        std::size_t queue_limit = 4096;  // pieces of work; past it `run` fails with overloaded
        std::size_t batch_limit = 256;   // pieces of work in one transaction
    };

    virtual ~Writer() = default;

    // Returns when the work is durable (synchronous=FULL) or has failed; an error of the work itself rolls back its own
    // savepoint only. Errors: the work's, overloaded, storage_full, storage_failed.
    virtual Status run(Work work) = 0;
    // As `run`; `done` runs once, on the writer thread: it must not block and must not call `run`.
    virtual void run_async(Work work, std::function<void(Status)> done) = 0;
    // The fast path of signing: one audit record and nothing else, with no savepoint of its own.
    virtual void append_async(AuditRecord record, std::function<void(Result<std::uint64_t>)> done) = 0;
    Result<std::uint64_t> append(AuditRecord record);
};

}  // namespace signet::sqlite
