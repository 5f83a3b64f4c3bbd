// Errors as answers: the one table from ErrorCode to HTTP status, and RFC 9457 problem documents.
#pragma once

#include <string_view>

#include "base/error.h"
#include "daemon/http/message.h"

namespace signet::api {

// What an error shape is given. A family whose document fixes its errors sets Route::error_shape.
struct ErrorContext {
    const Error& error;
    unsigned status = 500;  // http_status(error.code), or what the connection decided (408, 414, 431 …)
    std::string_view request_id;
};

// 400 invalid_argument · 401 unauthenticated · 403 permission_denied · 404 not_found · 409 already_exists, conflict,
// failed_precondition · 413 too_large · 422 unprocessable, token_refused · 429 rate_limited · 501 unsupported ·
// 503 overloaded, cancelled, token_unavailable, token_pin, token_read_only, storage_* · 504 deadline_exceeded ·
// 507 token_full · 500 internal
unsigned http_status(ErrorCode code);

// {"type":"urn:signet:error:<code>","title","status","detail","request_id"} as application/problem+json, with
// Retry-After where the error says so or may be tried again, and WWW-Authenticate on 401. The message of an internal
// error is not shown: its detail is in the log under the request id.
http::Response problem(const ErrorContext& context);
http::Response problem(const Error& error, std::string_view request_id);

}  // namespace signet::api
