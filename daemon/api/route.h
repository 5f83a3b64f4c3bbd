// One row of a route table: what a request must look like, who may make it, and who answers it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/http/application.h"
#include "daemon/http/message.h"

namespace signet::api {

class Exchange;  // exchange.h: the request, its path parameters, the caller and the grant

// What answers a row, in one of two forms.
class Handler {
  public:
    using Waiting = std::function<http::Response(Exchange&)>;
    using Starting = std::function<void(std::shared_ptr<Exchange>, http::Finish)>;

    Handler() = default;
    Handler(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)
    // The plain form: a function that may block, on a worker thread.
    template <class F>
        requires std::is_invocable_r_v<http::Response, F&, Exchange&>
    Handler(F function) : waiting_(std::move(function)) {}  // NOLINT(google-explicit-constructor)
    // For the few rows where a change of threads would cost as much as the work: a function that never blocks, starts what
    // is to be done, and gives the answer to Finish from wherever it ends. It may run on an I/O thread.
    template <class F>
        requires std::is_invocable_v<F&, std::shared_ptr<Exchange>, http::Finish>
    Handler(F function) : starting_(std::move(function)) {}  // NOLINT(google-explicit-constructor)

    explicit operator bool() const { return waiting_ || starting_; }
    bool no_wait() const { return static_cast<bool>(starting_); }
    http::Response operator()(Exchange& exchange) const { return waiting_(exchange); }
    void operator()(std::shared_ptr<Exchange> exchange, http::Finish finish) const {
        starting_(std::move(exchange), std::move(finish));
    }

  private:
    Waiting waiting_;
    Starting starting_;
};

// How a family's clients expect their errors: a document that names an error shape is followed on its routes.
struct ErrorContext;  // problem.h
using ErrorShape = http::Response (*)(const ErrorContext&);

// Listeners a row is served on. Administration never shares a socket with applications.
enum class Surface : std::uint8_t {
    api,    // sockets and TLS for applications
    admin,  // the admin socket only
    both,
};

struct Route {
    http::Verb verb = http::Verb::get;
    std::string_view
        pattern;  // "/v1/keys/{label}/sign"; `{name}` is one segment; a trailing slash of the request is ignored
    std::string_view permission;  // never empty: a row without one stops the start
    Surface surface = Surface::api;
    std::size_t body_limit = 4096;
    // The path parameter that names the key or resource the policy's `keys` globs apply to; empty when there is none.
    std::string_view resource_parameter;
    // The handler settles the algorithm (or CSR) with Exchange::authorise once it has read the body; if it does not,
    // its answer is dropped and 500 sent: no row can forget.
    bool decides_in_handler = false;
    Handler handler;
    // For /v1/openapi.json.
    std::string_view summary;
    std::string_view request_schema;   // JSON schema text, or empty
    std::string_view response_schema;  // JSON schema text, or empty
    ErrorShape error_shape = nullptr;  // null: RFC 9457 problem documents
    // A rule's quorum can hold for this row: its handler passes the caller (caller_of) to services that use the approval up
    // in the transaction of the work. On other rows such a rule refuses.
    bool quorum = false;
    // `Authorization` carries credentials of the row's own protocol, which the handler checks: the policy sees what the
    // connection proves and nothing else. Such a handler decides by the credentials, whoever the policy let in.
    bool own_credentials = false;
};

using RouteTable = std::vector<Route>;

}  // namespace signet::api
