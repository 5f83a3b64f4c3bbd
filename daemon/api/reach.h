// Requests to other systems by URL, within what `outbound` of signetd.yaml permits: whom to trust, which addresses, whether
// plain HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/api/outbound.h"
#include "daemon/http/client.h"
#include "daemon/service/outbox.h"

namespace signet::api {

// http:// or https://, a host and what follows; nothing else (no user, no fragment).
struct Url {
    bool tls = true;
    std::string host;    // without brackets
    std::uint16_t port;  // 443 or 80 where it names none
    std::string target;  // path and query, at least "/"
};
// `text` has 2 KiB at most. Error: invalid_argument, saying what is wrong with it.
Result<Url> parse_url(std::string_view text);

class Reach {
  public:
    explicit Reach(std::shared_ptr<const Outbound> outbound) : outbound_(std::move(outbound)) {}
    // At a reload.
    void replace(std::shared_ptr<const Outbound> outbound);

    // Whether a URL that somebody registers could be used at all: its form, its scheme, a numeric address. Names are
    // resolved when they are used. Errors: invalid_argument, permission_denied, failed_precondition.
    Status check(std::string_view outbound, std::string_view url) const;
    // One request on a connection of its own; an answer of any status is a value. `outbound` names the entry. Errors: those
    // of `check` and of http::Client::send.
    Result<http::ClientResponse> send(std::string_view outbound, http::Verb verb, std::string_view url,
                                      std::string_view body = {},
                                      std::string_view content_type = "application/json",
                                      const http::ClientHeaders& headers = {}) const;

  private:
    std::shared_ptr<const Outbound> current() const;
    static Result<http::Endpoint> endpoint(const Outbound& from, std::string_view outbound, const Url& url);

    mutable std::mutex mutex_;
    std::shared_ptr<const Outbound> outbound_;
};

// For service::Outbox: sends one message. The part of its kind before the first dot names the entry of `outbound`. Errors:
// permission_denied for what no later try changes (a URL that is malformed or whose address is not permitted); those of
// Reach::send otherwise. A server whose certificate is not trusted may renew it: that is `cancelled`, to be tried again.
Result<service::OutboxReply> send_message(const Reach& reach, const sqlite::OutboxMessage& message);

}  // namespace signet::api
