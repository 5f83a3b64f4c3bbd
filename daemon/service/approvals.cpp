#include "daemon/service/approvals.h"

#include <algorithm>
#include <atomic>

#include "base/encoding.h"
#include "base/log.h"
#include "base/random.h"
#include "daemon/service/details.h"
#include "hsm/pki/public_key.h"
#include "hsm/pki/signature.h"

namespace signet::service {
namespace {

constexpr std::size_t kMaxReason = 256;
constexpr std::size_t kExpiredAtOnce = 100;

sqlite::AuditRecord record_of(const Caller& caller, std::string_view action, std::string_view id,
                              std::string_view outcome, std::string details) {
    sqlite::AuditRecord record;
    record.request_id = caller.request_id;
    record.principal = caller.principal;
    record.action = action;
    record.object = id;
    record.outcome = outcome;
    record.details = std::move(details);
    return record;
}

const policy::Principal* find_principal(const policy::Policy& policy, std::string_view name) {
    const auto found = std::ranges::find(policy.principals(), name, &policy::Principal::name);
    return found == policy.principals().end() ? nullptr : &*found;
}

bool is_among(std::span<const std::string> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

// The key of that principal that made the signature; nullopt when none did.
std::optional<Sha256> signing_key(const policy::Principal& principal, ByteView message, ByteView signature) {
    for (const auto& spki : principal.approval_keys) {
        const auto key = pki::PublicKey::from_spki(spki);
        if (!key) continue;
        const auto valid = pki::verify(*key, key->default_algorithm(), message, signature);
        if (valid && *valid) return sha256(spki);
    }
    return std::nullopt;
}

// Approvals that count under this policy.
std::size_t count_valid(const Approval& approval, const policy::Policy& policy) {
    const auto& stored = approval.approval;
    const auto message = approval_message(stored.id, Verdict::approve, stored.digest);
    return static_cast<std::size_t>(
        std::ranges::count_if(approval.decisions, [&](const sqlite::StoredDecision& decision) {
            const auto* const principal = find_principal(policy, decision.principal);
            return decision.approve && principal != nullptr &&
                   !is_among(stored.requester_names, decision.principal) &&
                   signing_key(*principal, message, decision.signature) == decision.key;
        }));
}

std::unexpected<Error> no_approval(std::string_view id) {
    return fail(ErrorCode::not_found, "there is no approval '" + std::string(id) + "'");
}

}  // namespace

Status check_approval_keys(const policy::Policy& policy) {
    for (const auto& principal : policy.principals()) {
        for (const auto& spki : principal.approval_keys) {
            if (const auto key = pki::PublicKey::from_spki(spki); !key)
                return fail(ErrorCode::invalid_argument,
                            policy.file() + ":" + std::to_string(principal.line) + ": an approval key of '" +
                                principal.name + "' cannot be used: " + key.error().message);
        }
    }
    return {};
}

Result<Approval> Approvals::with_decisions(sqlite::Connection& db, sqlite::StoredApproval approval) {
    SIGNET_ASSIGN(auto decisions, sqlite::approval_store::decisions(db, approval.id));
    return Approval{std::move(approval), std::move(decisions)};
}

Result<Approval> Approvals::request(const Caller& caller, const Operation& operation,
                                    std::span<const std::string> names, std::uint32_t needed) {
    namespace store = sqlite::approval_store;
    sqlite::StoredApproval row;
    row.id = random_id();
    row.digest = operation_digest(operation);
    row.permission = operation.permission;
    row.resource = operation.resource;
    row.verb = operation.verb;
    row.route = operation.route;
    row.path = operation.path;
    row.query = operation.query;
    for (const auto& [name, value] : operation.parameters)
        row.parameters.append(name).append("\n").append(value).append("\n");
    row.body_size = operation.body.size();
    if (operation.body.size() <= store::kMaxKeptBody) row.body = to_bytes(operation.body);
    row.requester = operation.principal;
    row.requester_names.assign(names.begin(), names.end());
    row.needed = needed;
    row.created = parts_.clock.now();
    row.expires = row.created + kLifetime;
    std::optional<Approval> known;
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        auto& db = transaction.db();
        SIGNET_ASSIGN(auto waiting, store::find_waiting(db, row.digest));
        if (waiting && waiting->expires > row.created) {
            SIGNET_ASSIGN(known, with_decisions(db, *std::move(waiting)));
            return {};
        }
        if (waiting)
            SIGNET_TRY(store::end(transaction, waiting->id, sqlite::ApprovalState::expired, row.created));
        SIGNET_ASSIGN(const auto count, store::count_waiting(db, row.requester));
        if (count >= kMaxWaiting)
            return fail(ErrorCode::overloaded, "too many requests of '" + row.requester +
                                                   "' wait for approval; have some of them decided first");
        SIGNET_TRY(store::insert(transaction, row));
        SIGNET_TRY(transaction.audit(record_of(caller, "approvals.request", row.id, "ok",
                                               Details()
                                                   .add("permission", row.permission)
                                                   .add("resource", row.resource)
                                                   .add("digest", to_hex(row.digest))
                                                   .add("needed", needed)
                                                   .text())));
        return {};
    }));
    if (known) return *std::move(known);
    log::info("approval.requested", "a request waits for the approval of others",
              {{"approval", row.id}, {"permission", row.permission}, {"requester", row.requester}});
    return Approval{std::move(row), {}};
}

class Approvals::Use final : public ApprovalUse {
  public:
    Use(const Clock& clock, sqlite::StoredApproval approval, std::string approvers)
        : clock_(clock), approval_(std::move(approval)), approvers_(std::move(approvers)) {}

    Status use_up(sqlite::Transaction& transaction) const override {
        used_ = true;
        SIGNET_TRY(sqlite::approval_store::end(transaction, approval_.id, sqlite::ApprovalState::used,
                                               clock_.now()));
        Caller requester{approval_.requester, {}, {}};
        SIGNET_TRY(transaction.audit(record_of(requester, "approvals.use", approval_.id, "ok",
                                               Details()
                                                   .add("permission", approval_.permission)
                                                   .add("digest", to_hex(approval_.digest))
                                                   .add("approvers", approvers_)
                                                   .text())));
        return {};
    }
    bool used() const override { return used_; }

  private:
    const Clock& clock_;
    sqlite::StoredApproval approval_;
    std::string approvers_;
    mutable std::atomic<bool> used_{false};
};

Result<std::unique_ptr<ApprovalUse>> Approvals::grant(const Operation& operation, std::string_view id,
                                                      std::uint32_t needed,
                                                      const std::shared_ptr<const policy::Policy>& policy,
                                                      bool replay) {
    SIGNET_ASSIGN(auto found, find(id));
    auto& approval = found.approval;
    if (approval.digest != operation_digest(operation) || approval.requester != operation.principal)
        return fail(ErrorCode::permission_denied,
                    "the approval '" + approval.id +
                        "' is for another request: send the very same one again, as the same principal");
    const bool used = approval.state == sqlite::ApprovalState::used;
    if (used && !replay)
        return fail(ErrorCode::conflict, "the approval '" + approval.id + "' was used already; ask anew");
    if (approval.state == sqlite::ApprovalState::rejected)
        return fail(ErrorCode::permission_denied, "the request '" + approval.id + "' was rejected");
    if (!used && (approval.state == sqlite::ApprovalState::expired || approval.expires <= parts_.clock.now()))
        return fail(ErrorCode::permission_denied, "the approval '" + approval.id + "' has expired; ask anew");
    const auto valid = count_valid(found, *policy);
    if (!used && valid < needed)
        return fail(ErrorCode::conflict, "the request '" + approval.id + "' has " + std::to_string(valid) +
                                             " of " + std::to_string(needed) + " approvals");
    std::string approvers;
    for (const auto& decision : found.decisions)
        approvers += (approvers.empty() ? "" : ", ") + decision.principal;
    return std::make_unique<Use>(parts_.clock, std::move(approval), std::move(approvers));
}

Result<Approval> Approvals::try_decide(const Caller& caller, std::span<const std::string> names,
                                       const policy::Policy& policy, const Decide& decision) {
    if (decision.reason.size() > kMaxReason)
        return fail(ErrorCode::invalid_argument, "reason: expected 256 bytes at most");
    SIGNET_ASSIGN(const auto found, find(decision.id));
    const auto& approval = found.approval;
    for (const auto& name : names) {
        if (is_among(approval.requester_names, name))
            return fail(ErrorCode::permission_denied,
                        "nobody decides about their own request, and '" + name + "' is who asked");
    }
    const auto message = approval_message(approval.id, decision.verdict, approval.digest);
    sqlite::StoredDecision row;
    for (const auto& name : names) {
        const auto* const principal = find_principal(policy, name);
        const auto key =
            principal == nullptr ? std::nullopt : signing_key(*principal, message, decision.signature);
        if (!key) continue;
        row.principal = name;
        row.key = *key;
        break;
    }
    if (row.principal.empty())
        return fail(ErrorCode::permission_denied,
                    "the signature is not by an approval key that the policy names for you, or not over this "
                    "request and verdict");
    row.approve = decision.verdict == Verdict::approve;
    row.signature = to_bytes(decision.signature);
    row.reason = decision.reason;
    row.time = parts_.clock.now();
    std::optional<Approval> after;
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        namespace store = sqlite::approval_store;
        SIGNET_ASSIGN(auto now, store::find(transaction.db(), approval.id));
        if (!now || now->state != sqlite::ApprovalState::waiting || now->expires <= row.time)
            return fail(ErrorCode::conflict,
                        "the request '" + approval.id +
                            "' does not wait any more: it was used, rejected, or has expired");
        SIGNET_TRY(store::add_decision(transaction, approval.id, row));
        if (!row.approve)
            SIGNET_TRY(store::end(transaction, approval.id, sqlite::ApprovalState::rejected, row.time));
        SIGNET_ASSIGN(now, store::find(transaction.db(), approval.id));
        SIGNET_ASSIGN(after, with_decisions(transaction.db(), *std::move(now)));
        auto record =
            record_of(caller, row.approve ? "approvals.approve" : "approvals.reject", approval.id, "ok",
                      Details()
                          .add("permission", approval.permission)
                          .add("digest", to_hex(approval.digest))
                          .add("key", to_hex(row.key))
                          .add("reason", row.reason)
                          .text());
        record.principal = row.principal;
        SIGNET_TRY(transaction.audit(record));
        return {};
    }));
    return *std::move(after);
}

Result<Approval> Approvals::decide(const Caller& caller, std::span<const std::string> names,
                                   const policy::Policy& policy, const Decide& decision) {
    auto decided = try_decide(caller, names, policy, decision);
    if (decided || decided.error().code == ErrorCode::invalid_argument) return decided;
    // An attempt to approve without right belongs into the chain, whatever became of it.
    parts_.writer.append_async(
        record_of(caller, decision.verdict == Verdict::approve ? "approvals.approve" : "approvals.reject",
                  decision.id.substr(0, 64), "refused", Details().add("why", decided.error().message).text()),
        [](const Result<std::uint64_t>&) {});
    return decided;
}

Result<Approval> Approvals::find(std::string_view id) {
    SIGNET_ASSIGN(const auto db, parts_.readers.lease());
    SIGNET_ASSIGN(auto found, sqlite::approval_store::find(*db, id));
    if (!found) return no_approval(id);
    return with_decisions(*db, *std::move(found));
}

Result<std::vector<Approval>> Approvals::list(std::optional<sqlite::ApprovalState> state,
                                              std::optional<SystemTime> before, std::size_t limit) {
    SIGNET_ASSIGN(const auto db, parts_.readers.lease());
    SIGNET_ASSIGN(auto rows, sqlite::approval_store::list(*db, state, before, limit));
    std::vector<Approval> out;
    out.reserve(rows.size());
    for (auto& row : rows) {
        SIGNET_ASSIGN(auto one, with_decisions(*db, std::move(row)));
        out.push_back(std::move(one));
    }
    return out;
}

bool Approvals::expire() {
    const auto now = parts_.clock.now();
    std::vector<sqlite::StoredApproval> overdue;
    {
        auto db = parts_.readers.lease();
        auto found = db ? sqlite::approval_store::overdue(**db, now, kExpiredAtOnce)
                        : Result<std::vector<sqlite::StoredApproval>>(std::unexpected(db.error()));
        if (!found) return false;
        overdue = *std::move(found);
    }
    if (overdue.empty()) return true;
    return parts_.writer
        .run([&](sqlite::Transaction& transaction) -> Status {
            for (const auto& approval : overdue) {
                SIGNET_TRY(sqlite::approval_store::end(transaction, approval.id,
                                                       sqlite::ApprovalState::expired, now));
                const Caller system{"system", {}, {}};
                SIGNET_TRY(
                    transaction.audit(record_of(system, "approvals.expire", approval.id, "ok",
                                                Details().add("requester", approval.requester).text())));
            }
            return {};
        })
        .has_value();
}

}  // namespace signet::service
