// From a header to an answer: every request passes the same steps, in the order that pipeline.cpp lists them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "daemon/api/exchange.h"
#include "daemon/api/metrics.h"
#include "daemon/api/router.h"
#include "daemon/http/application.h"
#include "policy/policy.h"
#include "policy/rate_limiter.h"

namespace signet::api {

// What a listener serves.
struct ListenerRules {
    std::string name;  // http::Peer::listener
    Surface surface = Surface::api;
    bool anonymous = false;            // callers that prove nothing are the principal `public`
    std::vector<std::string> permits;  // if not empty: rows of these permissions only, whoever asks
};

// All references outlive the pipeline.
struct PipelineParts {
    RouteTable rows;
    std::vector<ListenerRules> listeners;
    std::shared_ptr<const policy::Policy> policy;
    RefusalSink& refusals;
    Metrics& metrics;
    const Clock& clock;
    // Keeps requests that need approvals; null: rules that demand them refuse.
    service::Approvals* approvals = nullptr;
    // While it fails (the audit chain cannot be trusted), nothing is served but what helps to find out why: health, metrics,
    // and reading. Asked at each request: must be quick and not block.
    std::function<Status()> gate{};
};

// Rows that everybody may ask on every listener, without a policy rule: whether the process is alive.
inline constexpr std::string_view kOpenPermission = "health.live";

class Pipeline final : public http::Application {
  public:
    // Errors: failed_precondition (the table, see Router::build; two listeners of one name; an anonymous listener without
    // permits; a permit that is no permission).
    static Result<std::unique_ptr<Pipeline>> create(PipelineParts parts);

    std::variant<http::Admitted, http::Response> admit(const http::RequestHead& head) override;
    http::Response handle(http::Request request, const http::Admitted& admitted) override;
    void begin(http::Request request, http::Admitted admitted, http::Finish finish) override;
    http::Response refuse(unsigned status, std::string_view why, std::string_view request_id) override;

    // Requests admitted from now on use `policy`.
    void replace_policy(std::shared_ptr<const policy::Policy> policy);
    std::shared_ptr<const policy::Policy> policy() const;
    const RouteTable& rows() const { return router_.rows(); }

  private:
    Pipeline(Router router, std::map<std::string, ListenerRules, std::less<>> listeners, PipelineParts parts);
    http::Response unrouted(const RouteResult& result, const http::RequestHead& head);
    http::Response answered(const Call& call, const Exchange& exchange, http::Response response);
    http::Response defect(const Call& call, const Exchange& exchange, std::string detail);
    http::Response finished(const Call& call, http::Response response);
    http::Response wait_for(http::Request request, const http::Admitted& admitted);
    std::shared_ptr<const Caller> authenticate(const http::RequestHead& head, const ListenerRules& listener,
                                               const Route& row,
                                               const std::shared_ptr<const policy::Policy>& policy) const;

    Router router_;
    std::map<std::string, ListenerRules, std::less<>> listeners_;
    mutable std::mutex policy_mutex_;
    std::shared_ptr<const policy::Policy> policy_;
    policy::RateLimiter rates_;
    RefusalSink& refusals_;
    Metrics& metrics_;
    const Clock& clock_;
    service::Approvals* approvals_;
    std::function<Status()> gate_;
};

}  // namespace signet::api
