// Requests that wait for the approval of others, and their decisions.
#include "daemon/service/approvals.h"
#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/native/handlers.h"

namespace signet::api::native {
namespace {

constexpr std::size_t kMaxId = 64;
constexpr std::size_t kMaxSignature = 1024;

void write(JsonWriter& json, const service::Approval& one, bool whole) {
    const auto& approval = one.approval;
    json.begin_object();
    json.member("id", approval.id);
    json.member("state", sqlite::to_string(approval.state));
    json.member("permission", approval.permission);
    json.member("resource", approval.resource);
    json.member("requester", approval.requester);
    json.member("needed", approval.needed);
    json.member("digest", to_hex(approval.digest));
    json.member("created", to_rfc3339(approval.created));
    json.member("expires", to_rfc3339(approval.expires));
    if (approval.ended) json.member("ended", to_rfc3339(*approval.ended));
    json.key("decisions");
    json.begin_array();
    for (const auto& decision : one.decisions) {
        json.begin_object();
        json.member("principal", decision.principal);
        json.member("verdict", decision.approve ? "approve" : "reject");
        json.member("key", to_hex(decision.key));
        json.member("time", to_rfc3339(decision.time));
        if (!decision.reason.empty()) json.member("reason", decision.reason);
        if (whole) json.member("signature", to_base64(decision.signature));
        json.end_object();
    }
    json.end_array();
    if (whole) {
        // Everything that the digest covers, so that an approver can compute it.
        json.key("operation");
        json.begin_object();
        json.member("verb", approval.verb);
        json.member("route", approval.route);
        json.member("path", approval.path);
        json.key("parameters");
        json.begin_array();
        std::string_view rest = approval.parameters;
        while (!rest.empty()) {
            const auto end = rest.find('\n');
            json.text(rest.substr(0, end));
            rest.remove_prefix(std::min(rest.size(), end + 1));
        }
        json.end_array();
        json.member("query", approval.query);
        json.member("body_size", approval.body_size);
        if (approval.body.size() == approval.body_size) json.member("body", to_base64(approval.body));
        json.end_object();
    }
    json.end_object();
}

Answer decide(Services& services, Exchange& exchange, service::Verdict verdict) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"signature", "reason"}));
    SIGNET_ASSIGN(const auto signature, body.base64("signature", kMaxSignature));
    SIGNET_ASSIGN(const auto reason, body.optional_text("reason", 256));
    SIGNET_ASSIGN(const auto found, services.approvals.find(exchange.parameter("id")));
    // A rule's `keys` are those of what is to be approved.
    SIGNET_TRY(exchange.authorise("", found.approval.resource, 1));
    SIGNET_ASSIGN(
        const auto decided,
        services.approvals.decide(caller_of(exchange), exchange.principals(), exchange.policy(),
                                  {exchange.parameter("id"), verdict, signature, reason.value_or("")}));
    JsonWriter json(1024);
    write(json, decided, false);
    return json_answer(json.take());
}

}  // namespace

Answer list_approvals(Services& services, Exchange& exchange) {
    std::optional<sqlite::ApprovalState> state = sqlite::ApprovalState::waiting;
    SIGNET_ASSIGN(const auto query, exchange.query());
    SIGNET_ASSIGN(const auto limit, exchange.query_number("limit", 100, 1, 1000));
    for (const auto& [name, value] : query) {
        if (name == "limit") continue;
        if (name != "state")
            return fail(ErrorCode::invalid_argument,
                        "unknown parameter '" + name + "'; there are state and limit");
        state = sqlite::approval_state_from(value);
        if (!state && value != "all")
            return fail(ErrorCode::invalid_argument,
                        "state: expected waiting, used, rejected, expired or all");
    }
    SIGNET_ASSIGN(const auto approvals, services.approvals.list(state, std::nullopt, limit));
    JsonWriter json(1024);
    json.begin_object();
    json.key("approvals");
    json.begin_array();
    for (const auto& approval : approvals)
        write(json, approval, false);
    json.end_array();
    json.end_object();
    return json_answer(json.take());
}

Answer get_approval(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto approval,
                  services.approvals.find(std::string_view(exchange.parameter("id")).substr(0, kMaxId)));
    JsonWriter json(1024);
    write(json, approval, true);
    return json_answer(json.take());
}

Answer approve(Services& services, Exchange& exchange) {
    return decide(services, exchange, service::Verdict::approve);
}

Answer reject(Services& services, Exchange& exchange) {
    return decide(services, exchange, service::Verdict::reject);
}

}  // namespace signet::api::native
