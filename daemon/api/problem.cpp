#include "daemon/api/problem.h"

#include <string>

#include "daemon/api/json.h"
#include "daemon/http/response_writer.h"

namespace signet::api {

unsigned http_status(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
            return 400;
        case ErrorCode::unauthenticated:
            return 401;
        case ErrorCode::permission_denied:
            return 403;
        case ErrorCode::not_found:
            return 404;
        case ErrorCode::already_exists:
        case ErrorCode::conflict:
        case ErrorCode::failed_precondition:
            return 409;
        case ErrorCode::too_large:
            return 413;
        case ErrorCode::unprocessable:
        case ErrorCode::token_refused:
            return 422;
        case ErrorCode::rate_limited:
            return 429;
        case ErrorCode::internal:
            return 500;
        case ErrorCode::unsupported:
            return 501;
        case ErrorCode::overloaded:
        case ErrorCode::cancelled:
        case ErrorCode::token_unavailable:
        case ErrorCode::token_pin:
        case ErrorCode::token_read_only:
        case ErrorCode::storage_full:
        case ErrorCode::storage_failed:
            return 503;
        case ErrorCode::deadline_exceeded:
            return 504;
        case ErrorCode::token_full:
            return 507;
    }
    return 500;
}

http::Response problem(const ErrorContext& context) {
    const auto& error = context.error;
    const bool ours = error.code == ErrorCode::internal && context.status >= 500;
    JsonWriter json;
    json.begin_object();
    json.member("type", "urn:signet:error:" + std::string(to_string(error.code)));
    json.member("title", http::reason_phrase(context.status));
    json.member("status", context.status);
    json.member("detail",
                ours ? std::string_view("the server has a defect; its log has more under the request id")
                     : std::string_view(error.message));
    json.member("request_id", context.request_id);
    json.end_object();

    http::Response response;
    response.status = context.status;
    response.content_type = "application/problem+json";
    response.body = json.take();
    if (error.retry_after || error.retryable())
        response.headers.emplace_back(
            "Retry-After", std::to_string(error.retry_after.value_or(std::chrono::seconds(1)).count()));
    // RFC 9110 section 11.6.1.
    if (context.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"signet\"");
    return response;
}

http::Response problem(const Error& error, std::string_view request_id) {
    return problem({error, http_status(error.code), request_id});
}

}  // namespace signet::api
