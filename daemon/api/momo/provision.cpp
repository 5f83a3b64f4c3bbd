// API users and API keys as merchants make them, with a subscription key (docs/momo-protocol.md, Provisioning).
#include <algorithm>

#include "daemon/api/json.h"
#include "daemon/api/momo/errors.h"
#include "daemon/api/momo/handlers.h"
#include "daemon/api/momo/users.h"

namespace signet::api::momo {
namespace {

constexpr std::string_view kAction = "momo.provision";

http::Response empty_answer(unsigned status) {
    http::Response response;
    response.status = status;
    response.content_type.clear();
    return response;
}

// For whom the caller may act: the merchant of the subscription. In a sandbox its key is enough; otherwise the caller must be
// that merchant, and a key of another one is as good as none.
Result<std::string> merchant_of(Context& context, const Exchange& exchange) {
    SIGNET_ASSIGN(auto subscription, subscription_of(context, exchange));
    if (context.settings().sandbox) return std::move(subscription.merchant);
    const auto names = exchange.principals();
    if (std::ranges::find(names, subscription.merchant) != names.end())
        return std::move(subscription.merchant);
    caller_failed(context, exchange);
    return subscription_invalid();
}

// The merchant's own user; another's looks like one that does not exist.
Result<sqlite::MomoUser> own_user(Context& context, const Exchange& exchange) {
    SIGNET_ASSIGN(const auto merchant, merchant_of(context, exchange));
    SIGNET_ASSIGN(const auto id, read_uuid(exchange.parameter("id"), "the API user"));
    SIGNET_ASSIGN(auto user, live_user(context, id));
    if (user.merchant != merchant) return fail(ErrorCode::not_found, "there is no API user " + id);
    return user;
}

}  // namespace

Answer create_user(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(auto merchant, merchant_of(context, exchange));
    if (exchange.request().headers.count("X-Reference-Id") != 1)
        return fail(ErrorCode::invalid_argument, "X-Reference-Id: expected a UUID");
    SIGNET_ASSIGN(auto id, read_uuid(exchange.header("X-Reference-Id"), "X-Reference-Id"));
    SIGNET_ASSIGN(const auto body, exchange.json());
    // The target environment is fixed; some clients name it all the same.
    SIGNET_TRY(body.only({"providerCallbackHost", "targetEnvironment"}));
    SIGNET_ASSIGN(const auto text, body.text("providerCallbackHost", 512));
    SIGNET_ASSIGN(auto host, read_callback_host(text));
    SIGNET_TRY(create_user(context, caller_of(exchange), kAction,
                           {std::move(id), std::move(merchant), std::move(host)}));
    return empty_answer(201);
}

Answer get_user(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto user, own_user(context, exchange));
    JsonWriter json;
    json.begin_object();
    json.member("providerCallbackHost", user.callback_host);
    json.member("targetEnvironment", user.environment);
    json.end_object();
    return json_answer(json.take());
}

Answer create_key(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto user, own_user(context, exchange));
    SIGNET_ASSIGN(const auto key, create_api_key(context, caller_of(exchange), kAction, user.id));
    JsonWriter json;
    json.begin_object();
    json.member("apiKey", key);
    json.end_object();
    return json_answer(json.take(), 201);
}

Answer delete_user(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto user, own_user(context, exchange));
    SIGNET_TRY(revoke_user(context, caller_of(exchange), kAction, user.id));
    return empty_answer(204);
}

Answer delete_key(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto user, own_user(context, exchange));
    SIGNET_TRY(revoke_api_key(context, caller_of(exchange), kAction, user.id));
    return empty_answer(204);
}

}  // namespace signet::api::momo
