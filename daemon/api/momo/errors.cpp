#include "daemon/api/momo/errors.h"

#include <string>

#include "daemon/api/json.h"

namespace signet::api::momo {
namespace {

constexpr std::string_view kMissing =
    "Access denied due to missing subscription key. Make sure to include subscription key when making "
    "requests to an API.";
constexpr std::string_view kInvalid =
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active "
    "subscription.";

http::Response finish(const ErrorContext& context, JsonWriter& json) {
    auto response = json_answer(json.take(), context.status);
    if (context.error.retry_after || context.error.retryable())
        response.headers.emplace_back(
            "Retry-After",
            std::to_string(context.error.retry_after.value_or(std::chrono::seconds(1)).count()));
    return response;
}

bool by_the_gateway(const Error& error) {
    return error.message == kMissing || error.message == kInvalid;
}

// {"statusCode":…,"message":…}
http::Response gateway_error(const ErrorContext& context, std::string_view message) {
    JsonWriter json;
    json.begin_object();
    json.member("statusCode", context.status);
    json.member("message", message);
    json.end_object();
    return finish(context, json);
}

// {"error":…}
http::Response oauth_error(const ErrorContext& context, std::string_view unauthenticated,
                           std::string_view challenge) {
    if (by_the_gateway(context.error)) return gateway_error(context, context.error.message);
    const auto name = [&]() -> std::string_view {
        switch (context.status) {
            case 400:
            case 413:
                return "invalid_request";
            case 401:
                return unauthenticated;
            case 403:
                return "access_denied";
            case 429:
                return "too_many_requests";
            case 500:
                return "server_error";
            default:
                return "temporarily_unavailable";
        }
    }();
    JsonWriter json;
    json.begin_object();
    json.member("error", name);
    json.end_object();
    auto response = finish(context, json);
    if (context.status == 401) response.headers.emplace_back("WWW-Authenticate", challenge);
    return response;
}

}  // namespace

std::unexpected<Error> subscription_missing() {
    return fail(ErrorCode::unauthenticated, std::string(kMissing));
}
std::unexpected<Error> subscription_invalid() {
    return fail(ErrorCode::unauthenticated, std::string(kInvalid));
}

http::Response api_error(const ErrorContext& context) {
    const auto& error = context.error;
    // Whom the policy does not know shows no key that it knows.
    if (context.status == 401)
        return gateway_error(context, by_the_gateway(error) ? std::string_view(error.message) : kInvalid);
    std::string_view code = "INTERNAL_PROCESSING_ERROR";
    std::string_view message = "An internal error occurred while processing.";
    switch (context.status) {
        case 400:
        case 413:
        case 422:
            code = "BAD_REQUEST";
            message = error.message;
            break;
        case 403:
            code = "NOT_ALLOWED";
            message = "Authorization failed. Insufficient permissions.";
            break;
        case 404:
            code = "RESOURCE_NOT_FOUND";
            message = "Requested resource was not found.";
            break;
        case 409:
            code = "RESOURCE_ALREADY_EXIST";
            message = "Duplicated reference id. Creation of resource failed.";
            break;
        case 429:
            code = "TOO_MANY_REQUESTS";
            message = "Too many requests; try again later.";
            break;
        case 503:
        case 504:
        case 507:
            code = "SERVICE_UNAVAILABLE";
            message = "Service temporarily unavailable, try again later.";
            break;
        default:
            break;
    }
    JsonWriter json;
    json.begin_object();
    json.member("code", code);
    json.member("message", message);
    json.end_object();
    return finish(context, json);
}

http::Response token_error(const ErrorContext& context) {
    return oauth_error(context, "login_failed", "Basic realm=\"momo\"");
}

http::Response bearer_error(const ErrorContext& context) {
    return oauth_error(context, "invalid_token", "Bearer realm=\"momo\", error=\"invalid_token\"");
}

}  // namespace signet::api::momo
