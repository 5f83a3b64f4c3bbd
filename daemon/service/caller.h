// Who asks a service for something, and until when.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "hsm/frames/token_interface.h"

namespace signet::sqlite {
struct AuditRecord;
class Transaction;
class Writer;
}  // namespace signet::sqlite

namespace signet::service {

// The approval of others that a request came with. What it permits uses it up, once.
class ApprovalUse {
  public:
    virtual ~ApprovalUse() = default;
    // In the transaction of the work. Errors: conflict (used already), permission_denied (expired or not enough by now).
    virtual Status use_up(sqlite::Transaction& transaction) const = 0;
    // Whether that happened; the transaction may still have failed.
    virtual bool used() const = 0;
};

// The texts live as long as the request.
struct Caller {
    std::string_view principal;   // a name from the policy, `public`, or `system`
    std::string_view request_id;  // as in the answer, the log and the audit chain
    Deadline deadline;
    std::shared_ptr<const ApprovalUse> approval{};  // null where none was needed

    // Called in the first transaction of whatever a quorum can be asked for.
    Status use_approval(sqlite::Transaction& transaction) const {
        return approval ? approval->use_up(transaction) : Status{};
    }
};

// Appends the record of what was done, and uses the caller's approval up in the same transaction.
Result<std::uint64_t> append_record(sqlite::Writer& writer, const Caller& caller, sqlite::AuditRecord record);

// The daemon itself: background work and start-up.
Caller system_caller(std::chrono::milliseconds time_limit);

}  // namespace signet::service
