#include "daemon/api/mpoc/envelope.h"

#include "daemon/api/json.h"

namespace signet::api::mpoc {
namespace {

Code code_of(const ErrorContext& context) {
    switch (context.status) {
        case 401:
        case 403:
            return Code::not_permitted;
        case 413:
        case 414:
        case 431:
            return Code::too_large;
        case 429:
            return Code::rate_limited;
        case 503:
        case 504:
        case 507:
            return Code::unavailable;
        default:
            return context.status < 500 ? Code::malformed : Code::internal;
    }
}

}  // namespace

unsigned status_of(Code code) {
    switch (code) {
        case Code::success:
            return 200;
        case Code::credentials_missing:
        case Code::credentials_wrong:
            return 401;
        case Code::customer_differs:
        case Code::not_permitted:
            return 403;
        case Code::unknown_sdk:
            return 404;
        case Code::token_gone:
            return 410;
        case Code::malformed:
            return 400;
        case Code::too_large:
            return 413;
        case Code::rate_limited:
            return 429;
        case Code::internal:
            return 500;
        case Code::unavailable:
            return 503;
    }
    return 500;
}

http::Response envelope(Code code, std::string_view message, std::string_view data) {
    JsonWriter json(data.size() + 256);
    json.begin_object();
    json.member("msg", message);
    json.member("code", static_cast<std::uint64_t>(code));
    json.member_raw("data", data.empty() ? "null" : data);
    json.end_object();
    http::Response response;
    response.status = status_of(code);
    response.body = json.take();
    return response;
}

http::Response error_envelope(const ErrorContext& context) {
    const auto& error = context.error;
    const auto message = error.code == ErrorCode::internal
                             ? "a defect of the server; its log has more under the request id " +
                                   std::string(context.request_id)
                             : error.message;
    auto response = envelope(code_of(context), message);
    response.status = context.status;
    if (error.retry_after || error.retryable())
        response.headers.emplace_back(
            "Retry-After", std::to_string(error.retry_after.value_or(std::chrono::seconds(1)).count()));
    return response;
}

}  // namespace signet::api::mpoc
