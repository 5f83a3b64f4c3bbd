// One row of a route table: what a request must look like, who may make it, and who answers it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/message.h"

namespace signet::api {

class Exchange;  // exchange.h: the request, its path parameters, the caller and the grant

using Handler = std::function<http::Response(Exchange&)>;

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
};

using RouteTable = std::vector<Route>;

}  // namespace signet::api
