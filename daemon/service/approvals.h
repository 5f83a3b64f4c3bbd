// Quorums: requests that wait until enough others have approved them, each with a signature of their own key.
//
// An approval is bound to one operation (operation.h), counts once for each person, and is used up in the transaction of
// what it permits. All of it is in the audit chain: the request, each decision and each refusal of one, the use, the end.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/service/caller.h"
#include "daemon/service/operation.h"
#include "policy/policy.h"
#include "sqlite/approval_store.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::service {

struct Approval {
    sqlite::StoredApproval approval;
    std::vector<sqlite::StoredDecision> decisions;
};

struct Decide {
    std::string_view id;
    Verdict verdict = Verdict::approve;
    ByteView signature;       // over approval_message; DER for ECDSA
    std::string_view reason;  // of a rejection; for people, 256 bytes at most
};

// Every approval key of the policy is one that we can verify with. Error: invalid_argument naming the principal.
Status check_approval_keys(const policy::Policy& policy);

class Approvals {
  public:
    static constexpr std::chrono::hours kLifetime{24};
    static constexpr std::uint64_t kMaxWaiting = 100;  // of one requester

    struct Parts {
        sqlite::Writer& writer;
        sqlite::ReadPool& readers;
        const Clock& clock;
    };
    explicit Approvals(Parts parts) : parts_(parts) {}

    // Keeps the request for others to approve; the one that waits already for the same operation is told again.
    // `names` are all principals that the requester proved. Errors: overloaded (too many wait), storage_*.
    Result<Approval> request(const Caller& caller, const Operation& operation,
                             std::span<const std::string> names, std::uint32_t needed);

    // What a request that names an approval may use up. Every signature is verified again, with the keys of `policy`: who
    // was taken out of it does not count. `replay`: one that was used already is let through to where an answer may be
    // kept; using it up again fails all the same. Errors: not_found, permission_denied (another operation or requester,
    // rejected, expired), conflict (used; not enough yet).
    Result<std::unique_ptr<ApprovalUse>> grant(const Operation& operation, std::string_view id,
                                               std::uint32_t needed,
                                               const std::shared_ptr<const policy::Policy>& policy,
                                               bool replay);

    // `names` are all principals that the approver proved. Errors: not_found, permission_denied (their own request, no key
    // of theirs signed this), conflict (decided already, or not waiting any more), invalid_argument (the reason).
    Result<Approval> decide(const Caller& caller, std::span<const std::string> names,
                            const policy::Policy& policy, const Decide& decision);

    Result<Approval> find(std::string_view id);
    // The newest first; `limit` 1 to 1,000.
    Result<std::vector<Approval>> list(std::optional<sqlite::ApprovalState> state,
                                       std::optional<SystemTime> before, std::size_t limit);

    // Ends those whose time is over, each with its record; false when that failed. Called now and then.
    bool expire();

  private:
    class Use;
    Result<Approval> with_decisions(sqlite::Connection& db, sqlite::StoredApproval approval);
    Result<Approval> try_decide(const Caller& caller, std::span<const std::string> names,
                                const policy::Policy& policy, const Decide& decision);

    Parts parts_;
};

}  // namespace signet::service
