#include "daemon/api/pipeline.h"

#include <algorithm>
#include <exception>
#include <future>
#include <utility>

#include "base/digest.h"
#include "base/log.h"
#include "daemon/api/problem.h"
#include "daemon/service/caller.h"
#include "policy/permissions.h"

namespace signet::api {
namespace {

// What a request shows when it shows an API key. Keys have 256 random bits; what is longer than this is none.
constexpr std::size_t kMaxApiKey = 256;

struct Knowledge {  // Peer::note: who this connection is, under which policy
    std::shared_ptr<const policy::Policy> policy;
    std::shared_ptr<const Caller> caller;
};

bool permits(const ListenerRules& listener, const Route& row) {
    if (row.permission == kOpenPermission) return true;
    if (row.surface != Surface::both && row.surface != listener.surface) return false;
    return listener.permits.empty() ||
           std::ranges::find(listener.permits, row.permission) != listener.permits.end();
}

// RFC 6750 section 2.1; the scheme's name has no case. nullopt when there is no such field; empty when it is malformed.
std::optional<std::string_view> bearer_key(const http::RequestHead& head) {
    if (!head.headers.has("Authorization")) return std::nullopt;
    const auto value = head.headers.get("Authorization");
    constexpr std::string_view kScheme = "Bearer ";
    if (head.headers.count("Authorization") != 1 || value.size() <= kScheme.size() ||
        value.size() > kScheme.size() + kMaxApiKey ||
        !http::equal_ignoring_case(value.substr(0, kScheme.size()), kScheme))
        return std::string_view{};
    return value.substr(kScheme.size());
}

policy::Evidence evidence_of(const http::Peer& peer) {
    policy::Evidence evidence;
    evidence.uid = peer.uid;
    evidence.gids = peer.gids;
    if (peer.certificate) {
        evidence.certificate_fingerprint = peer.certificate->fingerprint;
        for (const auto& name : peer.certificate->dns_names)
            evidence.certificate_sans.push_back("dns:" + name);
        for (const auto& name : peer.certificate->uris)
            evidence.certificate_sans.push_back("uri:" + name);
        for (const auto& name : peer.certificate->emails)
            evidence.certificate_sans.push_back("email:" + name);
    }
    return evidence;
}

// What is served while the audit chain cannot be trusted.
bool only_looks(std::string_view permission) {
    constexpr std::string_view kLooks[] = {"approvals.read", "audit.export",   "audit.read",  "audit.verify",
                                           "ca.crl",         "ca.list",        "ca.read",     "config.reload",
                                           "health.ready",   "keys.list",      "keys.read",   "metrics.read",
                                           "openapi.read",   "policy.explain", "policy.read", "status.read"};
    return std::ranges::find(kLooks, permission) != std::end(kLooks);
}

http::Response shaped(const Route& row, const Error& error, std::string_view request_id) {
    const ErrorContext context{error, http_status(error.code), request_id};
    return row.error_shape != nullptr ? row.error_shape(context) : problem(context);
}

http::Response with_status(ErrorCode code, unsigned status, std::string message,
                           std::string_view request_id) {
    const Error error{code, std::move(message), {}};
    return problem({error, status, request_id});
}

Status check_listener(const ListenerRules& listener) {
    if (listener.anonymous && listener.permits.empty())
        return fail(
            ErrorCode::failed_precondition,
            "listener '" + listener.name + "' admits anonymous callers; say with permits what they may ask");
    for (const auto& permission : listener.permits)
        if (!policy::permission_index(permission))
            return fail(ErrorCode::failed_precondition,
                        "listener '" + listener.name + "' permits '" + permission +
                            "', which is no permission; nearest is '" +
                            std::string(policy::nearest_permission(permission)) + "'");
    return {};
}

}  // namespace

Result<std::unique_ptr<Pipeline>> Pipeline::create(PipelineParts parts) {
    if (!parts.policy) return fail(ErrorCode::failed_precondition, "the pipeline needs a policy");
    std::map<std::string, ListenerRules, std::less<>> listeners;
    for (const auto& listener : parts.listeners) {
        SIGNET_TRY(check_listener(listener));
        if (!listeners.emplace(listener.name, listener).second)
            return fail(ErrorCode::failed_precondition, "two listeners are named '" + listener.name + "'");
    }
    SIGNET_ASSIGN(auto router, Router::build(std::move(parts.rows)));
    parts.metrics.set_rows(router.rows());
    return std::unique_ptr<Pipeline>(new Pipeline(std::move(router), std::move(listeners), std::move(parts)));
}

Pipeline::Pipeline(Router router, std::map<std::string, ListenerRules, std::less<>> listeners,
                   PipelineParts parts)
    : router_(std::move(router)),
      listeners_(std::move(listeners)),
      policy_(std::move(parts.policy)),
      refusals_(parts.refusals),
      metrics_(parts.metrics),
      clock_(parts.clock),
      approvals_(parts.approvals),
      gate_(std::move(parts.gate)) {}

void Pipeline::replace_policy(std::shared_ptr<const policy::Policy> policy) {
    const std::lock_guard lock(policy_mutex_);
    policy_.swap(policy);
}

std::shared_ptr<const policy::Policy> Pipeline::policy() const {
    const std::lock_guard lock(policy_mutex_);
    return policy_;
}

// Every request passes these steps:
//   1. route         a row by verb and path, among those that this listener serves; else 404, 405 or 400
//   2. authenticate  what the connection and the request prove, as names of the policy; else 401
//   3. authorise     the policy, with algorithm or key still unknown on rows that decide in the handler; else 403
//   4. rate          what the rule that decided allows in a time; else 429 (with 3, in `decide`)
//                    gate: while the audit chain cannot be trusted, only what reads is served; else 503
//   5. body          read by the connection up to the row's limit; else 413
//   6. quorum        the approvals of others, where the rule that decided demands them; else 202 and an approval id
//   7. handler       on a worker, or started here (Handler); rows that decide in the handler do 3, 4 and 6 again, finally, once they know
//   8. answer        dropped, and 500 sent, when such a row has not decided or has been refused and succeeds all the same
std::variant<http::Admitted, http::Response> Pipeline::admit(const http::RequestHead& head) {
    const auto started = std::chrono::steady_clock::now();
    const auto found = listeners_.find(head.peer->listener);
    if (found == listeners_.end())
        return with_status(ErrorCode::internal, 500, "this listener has no rules", head.id);
    const auto& listener = found->second;

    // 1. route
    auto routed =
        router_.find(head.verb, head.path, [&](const Route& row) { return permits(listener, row); });
    auto* match = std::get_if<RouteMatch>(&routed);
    if (match == nullptr) return unrouted(routed, head);
    const auto& row = *match->route;
    auto call = std::make_shared<Call>();
    call->route = match->route;
    call->route_index = match->index;
    call->parameters = std::move(match->parameters);
    call->policy = policy();
    call->rates = &rates_;
    call->metrics = &metrics_;
    call->refusals = &refusals_;
    call->approvals = approvals_;
    call->clock = &clock_;
    call->started = started;
    const auto admitted = [&] {
        // Keeping a request for approvals waits for the database.
        const bool may_wait = row.quorum && call->policy->may_need_quorum(row.permission);
        return http::Admitted{row.body_limit, call, row.handler.no_wait() && !may_wait};
    };
    if (row.permission == kOpenPermission) return admitted();

    // 2. authenticate
    call->caller = authenticate(head, listener, row, call->policy);
    if (!call->caller) {
        metrics_.refused(Metrics::Refused::stranger);
        const Error error{
            ErrorCode::unauthenticated, "the policy knows nobody who proves what this request proves", {}};
        return finished(*call, shaped(row, error, head.id));
    }

    // 3. authorise, 4. rate
    // Where the handler decides and the path names no resource, the body may.
    std::optional<std::string_view> resource;
    if (!row.decides_in_handler || !row.resource_parameter.empty()) resource = "";
    for (const auto& [name, value] : call->parameters)
        if (name == row.resource_parameter) resource = value;
    const auto algorithm = row.decides_in_handler ? std::nullopt : std::optional<std::string_view>("");
    if (const auto allowed = decide(*call, head, resource, algorithm); !allowed)
        return finished(*call, shaped(row, allowed.error(), head.id));
    if (gate_ && !only_looks(row.permission)) {
        if (const auto open = gate_(); !open) return finished(*call, shaped(row, open.error(), head.id));
    }
    return admitted();
}

// 1, when no row fits. A row that this listener does not serve is answered as one that does not exist.
http::Response Pipeline::unrouted(const RouteResult& result, const http::RequestHead& head) {
    if (const auto* bad = std::get_if<BadPath>(&result)) {
        metrics_.refused(Metrics::Refused::malformed);
        return problem(Error{ErrorCode::invalid_argument, bad->why, {}}, head.id);
    }
    metrics_.refused(Metrics::Refused::unknown_path);
    if (const auto* method = std::get_if<MethodNotAllowed>(&result)) {
        auto response = with_status(ErrorCode::unsupported, 405, "this path takes " + method->allow, head.id);
        response.headers.emplace_back("Allow", method->allow);
        return response;
    }
    return problem(Error{ErrorCode::not_found, "there is nothing at this path", {}}, head.id);
}

// 2. Null for a stranger. What the connection proves does not change, so its names are kept with it until the policy does.
std::shared_ptr<const Caller> Pipeline::authenticate(
    const http::RequestHead& head, const ListenerRules& listener, const Route& row,
    const std::shared_ptr<const policy::Policy>& policy) const {
    const auto& peer = *head.peer;
    const auto key = row.own_credentials ? std::nullopt : bearer_key(head);
    if (!key) {
        const auto* known = static_cast<const Knowledge*>(peer.note.get());
        if (known != nullptr && known->policy == policy) return known->caller;
    }
    auto evidence = evidence_of(peer);
    if (key) {
        if (key->empty()) return nullptr;
        evidence.api_key = sha256(as_bytes(*key));
        // A key that nobody has is no reason to look at who else the caller might be.
        policy::Evidence key_alone;
        key_alone.api_key = evidence.api_key;
        if (policy->identify(key_alone).empty()) return nullptr;
    }
    auto caller = std::make_shared<Caller>();
    caller->principals = policy->identify(evidence);
    if (caller->principals.empty()) {
        if (listener.anonymous) {
            caller->principals.emplace_back(policy::kPublicPrincipal);
            caller->anonymous = true;
        } else {
            caller.reset();
        }
    }
    if (!key) peer.note = std::make_shared<const Knowledge>(policy, caller);
    return caller;
}

http::Response Pipeline::finished(const Call& call, http::Response response) {
    metrics_.answered(call.route_index, response.status, std::chrono::steady_clock::now() - call.started);
    return response;
}

http::Response Pipeline::defect(const Call& call, const Exchange& exchange, std::string detail) {
    const Error error{ErrorCode::internal, "the handler failed", std::move(detail)};
    return finished(call, exchange.fail(error));
}

// 8. answer
http::Response Pipeline::answered(const Call& call, const Exchange& exchange, http::Response response) {
    const bool success = response.status < 400 && !exchange.held();
    if (call.route->decides_in_handler && success && exchange.decided() != Exchange::Decided::allowed)
        return defect(call, exchange,
                      exchange.decided() == Exchange::Decided::open
                          ? "it did not authorise"
                          : "it answered although the policy refused");
    // An answer kept under an idempotency key was paid for the first time.
    const bool replayed = std::ranges::any_of(
        response.headers, [](const auto& field) { return field.first == "Idempotency-Replayed"; });
    if (success && exchange.approval() && !exchange.approval()->used() && !replayed)
        return defect(call, exchange, "it did not use up the approval that it needed");
    return finished(call, std::move(response));
}

// 6. quorum, 7. handler
http::Response Pipeline::handle(http::Request request, const http::Admitted& admitted) {
    auto& call = *static_cast<Call*>(admitted.route.get());
    if (call.route->handler.no_wait()) return wait_for(std::move(request), admitted);
    Exchange exchange(std::move(request), call);
    http::Response response;
    try {
        if (!call.route->decides_in_handler) {
            if (const auto settled = exchange.settle_quorum(exchange.resource()); !settled)
                return finished(call, exchange.fail(settled.error()));
        }
        response = call.route->handler(exchange);
    } catch (const std::exception& failure) {
        return defect(call, exchange, std::string("exception: ") + failure.what());
    }
    return answered(call, exchange, std::move(response));
}

// A row that does not wait, on a worker thread all the same.
http::Response Pipeline::wait_for(http::Request request, const http::Admitted& admitted) {
    std::promise<http::Response> answer;
    auto came = answer.get_future();
    begin(std::move(request), admitted, [answer = std::move(answer)](http::Response response) mutable {
        answer.set_value(std::move(response));
    });
    return came.get();
}

// 7. handler, of a row that does not wait
void Pipeline::begin(http::Request request, http::Admitted admitted, http::Finish finish) {
    // One allocation keeps what the answer needs until it comes.
    struct Running {
        Running(http::Request its_request, http::Admitted its_admitted, http::Finish its_finish)
            : admitted(std::move(its_admitted)),
              call(*static_cast<Call*>(admitted.route.get())),
              exchange(std::move(its_request), call),
              finish(std::move(its_finish)) {}
        http::Admitted admitted;
        Call& call;
        Exchange exchange;
        http::Finish finish;
    };
    const auto running =
        std::make_shared<Running>(std::move(request), std::move(admitted), std::move(finish));
    const auto& handler = running->call.route->handler;
    try {
        handler(std::shared_ptr<Exchange>(running, &running->exchange),
                [this, running](http::Response response) {
                    running->finish(answered(running->call, running->exchange, std::move(response)));
                });
    } catch (const std::exception& failure) {
        running->finish(
            defect(running->call, running->exchange, std::string("exception: ") + failure.what()));
    }
}

http::Response Pipeline::refuse(unsigned status, std::string_view why, std::string_view request_id) {
    const auto code = status == 408                                     ? ErrorCode::deadline_exceeded
                      : status == 413 || status == 414 || status == 431 ? ErrorCode::too_large
                      : status == 501 || status == 505                  ? ErrorCode::unsupported
                      : status == 503                                   ? ErrorCode::overloaded
                      : status == 500                                   ? ErrorCode::internal
                                                                        : ErrorCode::invalid_argument;
    metrics_.refused(status == 503 ? Metrics::Refused::overloaded : Metrics::Refused::malformed);
    auto response = with_status(code, status, std::string(why), request_id);
    if (status == 408)
        std::erase_if(response.headers, [](const auto& field) { return field.first == "Retry-After"; });
    return response;
}

}  // namespace signet::api
