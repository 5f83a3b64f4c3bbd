#include "sqlite/approval_store.h"

#include <algorithm>
#include <array>

namespace signet::sqlite {
namespace {

constexpr std::array<std::string_view, 4> kStateNames{"waiting", "used", "rejected", "expired"};

#define SIGNET_APPROVAL_QUERY                                                                          \
    "SELECT id, digest, permission, resource, verb, route, path, query, parameters, body, body_size, " \
    "requester, requester_names, needed, state, created, expires, ended FROM approvals "

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : "\n") + name;
    return out;
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = text.find('\n');
        out.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return out;
}

Sha256 sha256_of(ByteView bytes) {
    Sha256 out{};
    if (bytes.size() == out.size()) std::ranges::copy(bytes, out.begin());
    return out;
}

StoredApproval approval_of(const Statement& row) {
    StoredApproval out;
    out.id = row.text(0);
    out.digest = sha256_of(row.bytes_view(1));
    out.permission = row.text(2);
    out.resource = row.text(3);
    out.verb = row.text(4);
    out.route = row.text(5);
    out.path = row.text(6);
    out.query = row.text(7);
    out.parameters = row.text(8);
    out.body = row.bytes(9);
    out.body_size = row.number(10);
    out.requester = row.text(11);
    out.requester_names = split(row.text_view(12));
    out.needed = row.number32(13);
    out.state = static_cast<ApprovalState>(row.integer(14));
    out.created = row.time(15);
    out.expires = row.time(16);
    out.ended = row.optional_time(17);
    return out;
}

Result<std::vector<StoredApproval>> all(Result<Statement> query) {
    if (!query) return std::unexpected(std::move(query).error());
    std::vector<StoredApproval> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query->step());
        if (!row) return out;
        out.push_back(approval_of(*query));
    }
}

Result<std::optional<StoredApproval>> one(Result<Statement> query) {
    SIGNET_ASSIGN(auto found, all(std::move(query)));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

}  // namespace

std::string_view to_string(ApprovalState state) {
    return kStateNames[static_cast<std::size_t>(state) - 1];
}

std::optional<ApprovalState> approval_state_from(std::string_view name) {
    for (std::size_t i = 0; i < kStateNames.size(); ++i)
        if (kStateNames[i] == name) return static_cast<ApprovalState>(i + 1);
    return std::nullopt;
}

namespace approval_store {

Status insert(Transaction& transaction, const StoredApproval& approval) {
    const bool kept = approval.body.size() <= kMaxKeptBody;
    return transaction.db().run(
        "INSERT INTO approvals (id, digest, permission, resource, verb, route, path, query, parameters, "
        "body, "
        "body_size, requester, requester_names, needed, state, created, expires) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
        approval.id, ByteView(approval.digest), approval.permission, approval.resource, approval.verb,
        approval.route, approval.path, approval.query, approval.parameters,
        kept ? ByteView(approval.body) : ByteView{}, approval.body_size, approval.requester,
        joined(approval.requester_names), approval.needed, approval.created, approval.expires);
}

Result<std::optional<StoredApproval>> find(Connection& db, std::string_view id) {
    return one(db.query(SIGNET_APPROVAL_QUERY "WHERE id = ?", id));
}

Result<std::optional<StoredApproval>> find_waiting(Connection& db, const Sha256& digest) {
    return one(db.query(SIGNET_APPROVAL_QUERY "WHERE digest = ? AND state = 1", ByteView(digest)));
}

Result<std::uint64_t> count_waiting(Connection& db, std::string_view requester) {
    SIGNET_ASSIGN(auto query,
                  db.query("SELECT count(*) FROM approvals WHERE requester = ? AND state = 1", requester));
    SIGNET_TRY(query.step());
    return query.number(0);
}

Result<std::vector<StoredApproval>> list(Connection& db, std::optional<ApprovalState> state,
                                         std::optional<SystemTime> before, std::size_t limit) {
    const auto end = before.value_or(SystemTime::max());
    const auto end_ms = before ? to_unix_ms(end) : INT64_MAX;
    if (state)
        return all(db.query(SIGNET_APPROVAL_QUERY
                            "WHERE state = ? AND created < ? ORDER BY created DESC, id LIMIT ?",
                            static_cast<int>(*state), end_ms, std::uint64_t{limit}));
    return all(db.query(SIGNET_APPROVAL_QUERY "WHERE created < ? ORDER BY created DESC, id LIMIT ?", end_ms,
                        std::uint64_t{limit}));
}

Result<std::vector<StoredDecision>> decisions(Connection& db, std::string_view id) {
    SIGNET_ASSIGN(auto query, db.query("SELECT principal, key, approve, signature, reason, time FROM "
                                       "approval_decisions WHERE approval = ? ORDER BY time, principal",
                                       id));
    std::vector<StoredDecision> out;
    while (true) {
        SIGNET_ASSIGN(const bool row, query.step());
        if (!row) return out;
        out.push_back({.principal = query.text(0),
                       .key = sha256_of(query.bytes_view(1)),
                       .approve = query.boolean(2),
                       .signature = query.bytes(3),
                       .reason = query.text(4),
                       .time = query.time(5)});
    }
}

Status add_decision(Transaction& transaction, std::string_view id, const StoredDecision& decision) {
    auto added = transaction.db().run(
        "INSERT INTO approval_decisions (approval, principal, key, approve, signature, reason, time) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        id, decision.principal, ByteView(decision.key), decision.approve, decision.signature, decision.reason,
        decision.time);
    if (!added && added.error().code == ErrorCode::already_exists) {
        added.error().code = ErrorCode::conflict;
        added.error().message = "'" + decision.principal + "' has decided about this already";
    }
    return added;
}

Status end(Transaction& transaction, std::string_view id, ApprovalState state, SystemTime now) {
    auto& db = transaction.db();
    if (state == ApprovalState::expired)
        SIGNET_TRY(db.run("UPDATE approvals SET state = ?, ended = ? WHERE id = ? AND state = 1",
                          static_cast<int>(state), now, id));
    else
        SIGNET_TRY(
            db.run("UPDATE approvals SET state = ?, ended = ? WHERE id = ? AND state = 1 AND expires > ?",
                   static_cast<int>(state), now, id, now));
    if (db.changes() != 1)
        return fail(ErrorCode::conflict,
                    "the approval " + std::string(id) +
                        " does not wait any more: it was used, rejected, or has expired");
    return {};
}

Result<std::vector<StoredApproval>> overdue(Connection& db, SystemTime now, std::size_t limit) {
    return all(db.query(SIGNET_APPROVAL_QUERY "WHERE state = 1 AND expires <= ? ORDER BY expires LIMIT ?",
                        now, std::uint64_t{limit}));
}

}  // namespace approval_store
}  // namespace signet::sqlite
