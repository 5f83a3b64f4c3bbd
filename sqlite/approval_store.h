// Requests that wait for the approval of others, and what the others decided.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

enum class ApprovalState : std::uint8_t { waiting = 1, used = 2, rejected = 3, expired = 4 };
std::string_view to_string(ApprovalState state);
std::optional<ApprovalState> approval_state_from(std::string_view name);

struct StoredApproval {
    std::string id{};
    Sha256 digest{};           // of the operation (service/approvals.h)
    std::string permission{};  // "keys.destroy"
    std::string resource{};    // a key label, or empty
    std::string verb{};
    std::string route{};  // the pattern
    std::string path{};   // as it was sent, without the query
    std::string query{};
    // Name and value, one a line, as the pattern names them.
    std::string parameters{};
    Bytes body{};  // as it was sent; empty when it is larger than kMaxKeptBody
    std::uint64_t body_size = 0;
    std::string requester{};                     // the name under which the policy let them ask
    std::vector<std::string> requester_names{};  // all names they proved: none of these may approve
    std::uint32_t needed = 0;
    ApprovalState state = ApprovalState::waiting;
    SystemTime created{};
    SystemTime expires{};
    std::optional<SystemTime> ended{};
    bool operator==(const StoredApproval&) const = default;
};

struct StoredDecision {
    std::string principal{};  // whose key signed
    Sha256 key{};             // SHA-256 of its SubjectPublicKeyInfo
    bool approve = false;
    Bytes signature{};
    std::string reason{};  // of a rejection
    SystemTime time{};
    bool operator==(const StoredDecision&) const = default;
};

namespace approval_store {

inline constexpr std::size_t kMaxKeptBody = std::size_t{64} << 10;

// Error: already_exists, when one with this digest waits already.
Status insert(Transaction& transaction, const StoredApproval& approval);
Result<std::optional<StoredApproval>> find(Connection& db, std::string_view id);
Result<std::optional<StoredApproval>> find_waiting(Connection& db, const Sha256& digest);
Result<std::uint64_t> count_waiting(Connection& db, std::string_view requester);
// The newest first, at most `limit`; nullopt: of every state. `before`: only older ones.
Result<std::vector<StoredApproval>> list(Connection& db, std::optional<ApprovalState> state,
                                         std::optional<SystemTime> before, std::size_t limit);
Result<std::vector<StoredDecision>> decisions(Connection& db, std::string_view id);
// Error: conflict, when this principal or key decided before.
Status add_decision(Transaction& transaction, std::string_view id, const StoredDecision& decision);
// From waiting; a time after `expires` ends nothing but as expired. Error: conflict, when it does not wait any more.
Status end(Transaction& transaction, std::string_view id, ApprovalState state, SystemTime now);
// Those that wait although their time is over, at most `limit`.
Result<std::vector<StoredApproval>> overdue(Connection& db, SystemTime now, std::size_t limit);

}  // namespace approval_store
}  // namespace signet::sqlite
