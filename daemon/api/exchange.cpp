#include "daemon/api/exchange.h"

#include <charconv>
#include <stdexcept>

#include "base/log.h"
#include "daemon/api/problem.h"
#include "daemon/http/form.h"

namespace signet::api {
namespace {

// "application/json", or a type of that kind ("application/jose+json"); parameters are ignored.
bool is_json(std::string_view content_type) {
    auto type = content_type.substr(0, content_type.find(';'));
    while (!type.empty() && type.back() == ' ')
        type.remove_suffix(1);
    if (http::equal_ignoring_case(type, "application/json")) return true;
    constexpr std::string_view kSuffix = "+json";
    return type.size() > kSuffix.size() && http::equal_ignoring_case(type.substr(0, 12), "application/") &&
           http::equal_ignoring_case(type.substr(type.size() - kSuffix.size()), kSuffix);
}

}  // namespace

Exchange::Exchange(http::Request request, Call& call) : request_(std::move(request)), call_(call) {}
Exchange::~Exchange() = default;

const std::string& Exchange::parameter(std::string_view name) const {
    for (const auto& [known, value] : call_.parameters)
        if (known == name) return value;
    // A defect of the route table or its handler, the same at every request.
    throw std::logic_error("the row has no parameter '" + std::string(name) + "'");
}

std::string_view Exchange::resource() const {
    const auto name = call_.route->resource_parameter;
    return name.empty() ? std::string_view{} : std::string_view(parameter(name));
}

std::span<const std::string> Exchange::principals() const {
    return call_.caller ? std::span<const std::string>(call_.caller->principals)
                        : std::span<const std::string>{};
}

Status Exchange::authorise(std::string_view algorithm, std::uint32_t items) {
    return authorise(algorithm, resource(), items);
}

Status Exchange::authorise(std::string_view algorithm, std::string_view resource, std::uint32_t items) {
    if (decided_ == Decided::refused || !call_.caller) {
        decided_ = Decided::refused;
        return signet::fail(ErrorCode::permission_denied, "the policy does not allow this");
    }
    auto allowed = decide(call_, request_, resource, algorithm, items);
    if (allowed) allowed = settle_quorum(resource);
    decided_ = allowed ? Decided::allowed : Decided::refused;
    return allowed;
}

Status decide(Call& call, const http::RequestHead& head, std::optional<std::string_view> resource,
              std::optional<std::string_view> algorithm, std::uint32_t items) {
    call.decision = call.policy->evaluate({.principals = call.caller->principals,
                                           .permission = call.route->permission,
                                           .key = resource,
                                           .algorithm = algorithm,
                                           .now = call.clock->now()});
    Status allowed;
    if (!call.decision.allowed) {
        // A stranger may become somebody by showing credentials; somebody known may not.
        const auto code = call.caller->anonymous ? ErrorCode::unauthenticated : ErrorCode::permission_denied;
        allowed =
            fail(code, "the policy does not allow '" + call.decision.principal + "' " +
                           std::string(call.route->permission) +
                           (resource.value_or("").empty() ? "" : " on '" + std::string(*resource) + "'") +
                           (algorithm && !algorithm->empty() ? " with " + std::string(*algorithm) : ""));
    } else if (call.decision.rule->quorum != 0 && (!call.route->quorum || call.approvals == nullptr)) {
        allowed = fail(ErrorCode::permission_denied, "this needs the approval of " +
                                                         std::to_string(call.decision.rule->quorum) +
                                                         " others, which cannot be given for this request");
    } else if (algorithm) {
        // Rates are charged for final decisions only: the rule that admits a header may not be the one that decides.
        allowed = call.rates->take(*call.decision.rule, call.decision.principal,
                                   std::chrono::steady_clock::now(), items);
    }
    if (allowed) return {};
    if (call.caller->anonymous) {
        call.metrics->refused(allowed.error().code == ErrorCode::rate_limited ? Metrics::Refused::rate
                                                                              : Metrics::Refused::anonymous);
        return allowed;
    }
    const bool rate = allowed.error().code == ErrorCode::rate_limited;
    call.metrics->refused(rate ? Metrics::Refused::rate : Metrics::Refused::forbidden);
    call.refusals->refused({.principal = call.decision.principal,
                            .permission = std::string(call.route->permission),
                            .resource = std::string(resource.value_or("")),
                            .algorithm = std::string(algorithm.value_or("")),
                            .reason = allowed.error().code,
                            .why = rate ? allowed.error().message : call.decision.why(),
                            .peer = head.peer->address,
                            .request_id = head.id});
    return allowed;
}

Result<JsonObject> Exchange::json() const {
    if (peer().transport != http::Peer::Transport::unix_socket && !is_json(header("Content-Type")))
        return signet::fail(ErrorCode::invalid_argument,
                            "send the body as JSON, with Content-Type: application/json");
    return JsonObject::parse(request_.body);
}

Result<std::vector<std::pair<std::string, std::string>>> Exchange::query() const {
    SIGNET_ASSIGN(auto form, http::Form::parse(request_.query));
    return form.fields();
}

Result<std::uint64_t> Exchange::query_number(std::string_view name, std::uint64_t otherwise,
                                             std::uint64_t low, std::uint64_t high) const {
    SIGNET_ASSIGN(const auto form, http::Form::parse(request_.query));
    if (form.count(name) == 0) return otherwise;
    SIGNET_ASSIGN(const auto text, form.required(name));
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
        return signet::fail(ErrorCode::invalid_argument, std::string(name) + ": expected a number from " +
                                                             std::to_string(low) + " to " +
                                                             std::to_string(high));
    return value;
}

http::Response Exchange::fail(const Error& error) const {
    if (held_) return *held_;
    const auto status = http_status(error.code);
    if (status >= 500) {
        log::warning("api.request.failed", error.message,
                     {{"request_id", request_.id},
                      {"permission", std::string(call_.route->permission)},
                      {"code", std::string(to_string(error.code))},
                      {"detail", error.detail}});
    } else if (!error.detail.empty()) {
        log::debug("api.request.refused", error.message,
                   {{"request_id", request_.id}, {"detail", error.detail}});
    }
    const ErrorContext context{error, status, request_.id};
    return call_.route->error_shape != nullptr ? call_.route->error_shape(context) : problem(context);
}

http::Response json_answer(std::string body, unsigned status) {
    http::Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

}  // namespace signet::api
