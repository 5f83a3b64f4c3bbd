// Requests that need the approval of others: kept, and let through once when enough of them agreed.
#include "daemon/api/exchange.h"
#include "daemon/api/json.h"
#include "daemon/service/approvals.h"

namespace signet::api {
namespace {

http::Response held_answer(const sqlite::StoredApproval& approval, std::size_t approved) {
    JsonWriter json;
    json.begin_object();
    json.member("approval", approval.id);
    json.member("needed", approval.needed);
    json.member("approved", approved);
    json.member("expires", to_rfc3339(approval.expires));
    json.member("detail", "send the same request again with Signet-Approval: " + approval.id +
                              " once enough others have approved it");
    json.end_object();
    auto response = json_answer(json.take(), 202);
    response.headers.emplace_back("Signet-Approval", approval.id);
    return response;
}

}  // namespace

Status Exchange::settle_quorum(std::string_view resource) {
    const auto* const rule = call_.decision.rule;
    if (rule == nullptr || rule->quorum == 0 || approval_) return {};
    service::Operation operation;
    operation.permission = call_.route->permission;
    operation.resource = resource;
    operation.verb = http::to_string(call_.route->verb);
    operation.route = call_.route->pattern;
    operation.path = request_.path;
    for (const auto& [name, value] : call_.parameters)
        operation.parameters.emplace_back(name, value);
    operation.query = request_.query;
    operation.body = request_.body;
    operation.principal = call_.decision.principal;

    const service::Caller caller{operation.principal, request_.id, {request_.deadline}};
    if (request_.headers.count("Signet-Approval") > 1)
        return signet::fail(ErrorCode::invalid_argument, "Signet-Approval: expected once");
    const auto id = header("Signet-Approval");
    if (id.empty()) {
        SIGNET_ASSIGN(const auto asked,
                      call_.approvals->request(caller, operation, principals(), rule->quorum));
        held_ = held_answer(asked.approval, asked.decisions.size());
        return signet::fail(ErrorCode::permission_denied, "this waits for the approval of others");
    }
    // A retry of what was done already is answered by its Idempotency-Key, so it may come as far as that.
    const bool replay = request_.headers.has("Idempotency-Key");
    auto granted = call_.approvals->grant(operation, id, rule->quorum, call_.policy, replay);
    if (!granted) {
        call_.refusals->refused({.principal = call_.decision.principal,
                                 .permission = std::string(call_.route->permission),
                                 .resource = std::string(resource),
                                 .algorithm = {},
                                 .reason = granted.error().code,
                                 .why = granted.error().message,
                                 .peer = peer().address,
                                 .request_id = request_.id});
        return std::unexpected(std::move(granted).error());
    }
    approval_ = *std::move(granted);
    return {};
}

}  // namespace signet::api
