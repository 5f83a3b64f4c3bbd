// The daemon itself: health, metrics, description, random bytes, backup, policy.
#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/metrics.h"
#include "daemon/api/native/handlers.h"
#include "daemon/service/backup.h"
#include "daemon/service/health.h"
#include "hsm/frames/token_interface.h"
#include "policy/permissions.h"
#include "signet_version.h"

namespace signet::api::native {

Answer live(Services&, Exchange&) {
    return json_answer(R"({"status":"live"})");
}

Answer ready(Services& services, Exchange&) {
    const auto readiness = services.health.readiness();
    JsonWriter json(512);
    json.begin_object();
    json.member("status", readiness.ready ? "ready" : "not ready");
    json.member("ready", readiness.ready);
    json.member("daemon", SIGNET_VERSION);
    json.key("reasons");
    json.begin_array();
    for (const auto& reason : readiness.reasons) {
        json.begin_object();
        json.member("code", reason.code);
        json.member("message", reason.message);
        json.end_object();
    }
    json.end_array();
    json.key("warnings");
    json.begin_array();
    for (const auto& warning : readiness.warnings)
        json.text(warning);
    json.end_array();
    json.end_object();
    auto response = json_answer(json.take(), readiness.ready ? 200 : 503);
    if (!readiness.ready) response.headers.emplace_back("Retry-After", "1");
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

Answer metrics(Services& services, Exchange&) {
    http::Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = services.metrics.text();
    return response;
}

Answer openapi(Services& services, Exchange&) {
    return json_answer(services.openapi());
}

Answer random_bytes(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto size, exchange.query_number("bytes", 32, 1, 4096));
    SIGNET_ASSIGN(auto bytes,
                  services.token.random(static_cast<std::size_t>(size), Deadline{exchange.deadline()}));
    JsonWriter json(64 + bytes.size() * 2);
    json.begin_object();
    json.member_base64("random", bytes);
    json.end_object();
    wipe(bytes);  // somebody's key, perhaps
    auto response = json_answer(json.take());
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

Answer backup_database(Services& services, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(const auto copy, services.backup.run(caller_of(exchange)));
    JsonWriter json;
    json.begin_object();
    json.member("file", copy.file.string());
    json.member("bytes", copy.report.bytes);
    json.member("sha256", to_hex(copy.report.digest));
    json.member("audit_head",
                std::to_string(copy.report.head.sequence) + ":" + to_hex(copy.report.head.hash));
    json.member("audit", copy.audit);
    json.end_object();
    return json_answer(json.take(), 201);
}

Answer explain_policy(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"principal", "permission", "key", "algorithm", "time"}));
    SIGNET_ASSIGN(const auto principal, body.text("principal", 256));
    SIGNET_ASSIGN(const auto permission, body.text("permission", 64));
    if (!policy::permission_index(permission))
        return fail(ErrorCode::invalid_argument, "permission: there is none of this name; nearest is '" +
                                                     std::string(policy::nearest_permission(permission)) +
                                                     "'");
    SIGNET_ASSIGN(const auto key, body.optional_text("key", 256));
    SIGNET_ASSIGN(const auto algorithm, body.optional_text("algorithm", 32));
    SIGNET_ASSIGN(const auto time, body.optional_text("time", 64));
    policy::Query query;
    query.principals = {std::string(principal)};
    query.permission = permission;
    query.key = key.value_or("");
    query.algorithm = algorithm.value_or("");
    query.now = services.clock.now();
    if (time) {
        const auto at = from_rfc3339(*time);
        if (!at)
            return fail(ErrorCode::invalid_argument, "time: expected a time such as 2026-01-31T00:00:00Z");
        query.now = *at;
    }
    const auto decision = exchange.policy().evaluate(query);
    JsonWriter json(1024);
    json.begin_object();
    json.member("allowed", decision.allowed);
    json.member("why", decision.why());
    if (decision.rule != nullptr) {
        json.member("rule", decision.rule->name);
        json.member("line", decision.rule->line);
    }
    json.member("file", exchange.policy().file());
    json.member("explanation", policy::explain(exchange.policy(), query));
    json.end_object();
    return json_answer(json.take());
}

Answer reload(Services& services, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(const auto changes, services.reload());
    JsonWriter json(512);
    json.begin_object();
    json.key("changes");
    json.begin_array();
    for (const auto& line : changes)
        json.text(line);
    json.end_array();
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::native
