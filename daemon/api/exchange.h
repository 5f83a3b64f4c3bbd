// One request in the hands of a handler: what was asked, by whom, and what the policy said.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/api/json.h"
#include "daemon/api/metrics.h"
#include "daemon/api/route.h"
#include "daemon/http/message.h"
#include "policy/policy.h"
#include "policy/rate_limiter.h"

namespace signet::service {
class ApprovalUse;
class Approvals;
}  // namespace signet::service

namespace signet::api {

// Who asks, as far as the policy knows them.
struct Caller {
    std::vector<std::string>
        principals;  // all names proven; `public` alone for an anonymous caller; never empty
    bool anonymous = false;
};

// An authenticated caller was refused. Anonymous refusals are counted only (metrics.h).
struct Refusal {
    std::string principal;   // the name under which a rule refused, else the first proven one
    std::string permission;  // "keys.sign"
    std::string resource;    // key label; empty when the row has none
    std::string algorithm;   // empty when it was not known or there is none
    ErrorCode reason = ErrorCode::permission_denied;  // or rate_limited
    std::string why;                                  // for people: the rule and its line
    std::string peer;                                 // Peer::address
    std::string request_id;
};

class RefusalSink {
  public:
    virtual ~RefusalSink() = default;
    // On an I/O or a worker thread: must not block and must not throw.
    virtual void refused(const Refusal& refusal) = 0;
};

using PathParameters = std::vector<std::pair<std::string_view, std::string>>;

// What the pipeline knows about a request from `admit` on.
struct Call {
    const Route* route = nullptr;
    std::size_t route_index = 0;
    PathParameters parameters;
    std::shared_ptr<const Caller> caller;  // null on rows that are open to everybody
    std::shared_ptr<const policy::Policy>
        policy;                 // the one that admitted; a reload does not change it half-way
    policy::Decision decision;  // provisional on rows that decide in the handler
    policy::RateLimiter* rates = nullptr;
    Metrics* metrics = nullptr;
    RefusalSink* refusals = nullptr;
    service::Approvals* approvals = nullptr;  // null: a rule that demands a quorum refuses
    const Clock* clock = nullptr;
    SteadyTime started;
};

// Asks the policy and, once the algorithm is known, takes from the rule's rate; tells the sink (or, for anonymous callers,
// only the metrics) about a refusal. Used by the pipeline and by Exchange::authorise.
Status decide(Call& call, const http::RequestHead& head, std::optional<std::string_view> resource,
              std::optional<std::string_view> algorithm, std::uint32_t items = 1);

class Exchange {
  public:
    Exchange(http::Request request, Call& call);
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange();

    const http::Request& request() const { return request_; }
    const std::string& body() const { return request_.body; }
    const std::string& id() const { return request_.id; }
    SteadyTime deadline() const { return request_.deadline; }
    const http::Peer& peer() const { return *request_.peer; }
    const Route& route() const { return *call_.route; }
    std::string_view header(std::string_view name) const { return request_.headers.get(name); }

    // Percent-decoded, UTF-8, without '/' and control characters, 1 to 256 bytes. The pattern must have that name.
    const std::string& parameter(std::string_view name) const;
    // What the policy's `keys` globs were applied to; empty when the row has none.
    std::string_view resource() const;

    // The name under which the policy admitted the caller. Final after `authorise`. `public` for an anonymous caller.
    std::string_view principal() const { return call_.decision.principal; }
    std::span<const std::string> principals() const;
    // The rule that decided (quorum, CSR constraints); null on rows that are open to everybody.
    const policy::Rule* rule() const { return call_.decision.rule; }
    const policy::Policy& policy() const { return *call_.policy; }

    // Decides finally, for rows with decides_in_handler: `algorithm` is its JOSE name, empty when the operation has none.
    // `items` counts against the rule's rate (a batch). May be called for several algorithms; each must be allowed.
    // Errors: permission_denied, rate_limited. A refusal is sticky: the answer must be an error then.
    Status authorise(std::string_view algorithm, std::uint32_t items = 1);
    // The same for a resource that the body names.
    Status authorise(std::string_view algorithm, std::string_view resource, std::uint32_t items);

    // Where the rule that decided demands a quorum: the approvals that the request names, checked; without any, the request
    // is kept for the others to look at, and `fail` then answers 202 with its approval id. Part of `authorise`; the pipeline
    // calls it for rows that are decided without their handler. Errors: permission_denied, conflict, not_found, storage_*.
    Status settle_quorum(std::string_view resource);
    // For the service that does the work; null where no approval was needed.
    const std::shared_ptr<const service::ApprovalUse>& approval() const { return approval_; }
    // The request waits for the approval of others.
    bool held() const { return held_.has_value(); }

    // The body as a JSON object. On TCP and TLS the Content-Type must be JSON: a web page can make a browser with a
    // client certificate send any other type without asking. Errors: invalid_argument, too_large.
    Result<JsonObject> json() const;
    // The query string. Errors: invalid_argument.
    Result<std::vector<std::pair<std::string, std::string>>> query() const;
    // A number in the query string, or `otherwise` when it is absent. Errors: invalid_argument naming it.
    Result<std::uint64_t> query_number(std::string_view name, std::uint64_t otherwise, std::uint64_t low,
                                       std::uint64_t high) const;

    // The error in the row's shape; errors of ours (5xx) and all details go to the log under the request id. For a request
    // that is held, the 202 instead.
    http::Response fail(const Error& error) const;

    enum class Decided : std::uint8_t { open, allowed, refused };
    Decided decided() const { return decided_; }

  private:
    http::Request request_;
    Call& call_;
    Decided decided_ = Decided::open;
    std::shared_ptr<const service::ApprovalUse> approval_;
    std::optional<http::Response> held_;
};

// A 200 (or other) answer with a JSON body.
http::Response json_answer(std::string body, unsigned status = 200);

}  // namespace signet::api
