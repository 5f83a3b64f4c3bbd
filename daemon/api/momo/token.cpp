// POST /{product}/token/: an access token for API user and API key (docs/momo-protocol.md, Tokens).
#include "daemon/api/json.h"
#include "daemon/api/momo/errors.h"
#include "daemon/api/momo/secrets.h"
#include "daemon/api/momo/tokens.h"
#include "daemon/http/basic.h"
#include "daemon/service/audit.h"
#include "sqlite/read_pool.h"

namespace signet::api::momo {
namespace {

// One answer for every reason, so that none tells whether the user exists.
std::unexpected<Error> login_failed() {
    return fail(ErrorCode::unauthenticated, "the API user or its key is wrong");
}

// Somebody guessed at a user that exists: that belongs into the chain. Guesses at nobody are counted only.
void record_guess(Context& context, const Exchange& exchange, const sqlite::MomoUser& user) {
    context.services.audit.refused({.principal = std::string(exchange.principal()),
                                    .permission = "momo.token",
                                    .resource = "momo/user/" + user.id,
                                    .algorithm = {},
                                    .why = "a wrong API key",
                                    .peer = exchange.peer().address,
                                    .request_id = exchange.id(),
                                    .by_rate = false});
}

// The user whose credentials the request shows.
Result<sqlite::MomoUser> log_in(Context& context, const Exchange& exchange,
                                const sqlite::MomoSubscription& subscription) {
    const auto credentials = http::parse_basic(http::authorization_of(exchange.request().headers));
    const auto id = credentials ? read_uuid(credentials->user, "the API user") : Result<std::string>();
    if (!credentials || !id) {
        caller_failed(context, exchange);
        return login_failed();
    }
    SIGNET_TRY(admit_account(context, *id));
    std::optional<sqlite::MomoUser> user;
    {
        SIGNET_ASSIGN(const auto db, context.services.readers.lease());
        SIGNET_ASSIGN(user, sqlite::momo_user_store::find(*db, *id));
    }
    SIGNET_ASSIGN(const bool right,
                  check_api_key(context.services, context.settings(), user, *id, credentials->password.text(),
                                Deadline{exchange.deadline()}));
    if (right && user->merchant == subscription.merchant) return *std::move(user);
    caller_failed(context, exchange);
    account_failed(context, *id);
    if (user) record_guess(context, exchange, *user);
    return login_failed();
}

Answer token(Context& context, Exchange& exchange, Product product) {
    SIGNET_ASSIGN(const auto subscription, subscription_of(context, exchange));
    if (subscription.product != to_string(product)) return subscription_invalid();
    SIGNET_ASSIGN(const auto user, log_in(context, exchange, subscription));
    auto made = access_token(context, exchange, user, product);
    // The key went while we worked.
    if (!made && made.error().code == ErrorCode::conflict) return login_failed();
    if (!made) return std::unexpected(std::move(made).error());
    JsonWriter json(1024);
    json.begin_object();
    json.member("access_token", made->text.text());
    json.member("token_type", "access_token");
    json.member("expires_in", made->expires_in.count());
    json.end_object();
    auto answer = json_answer(json.take());
    answer.headers.emplace_back("Cache-Control", "no-store");  // RFC 6749 section 5.1
    return answer;
}

}  // namespace

std::string_view to_string(Product product) {
    switch (product) {
        case Product::collection:
            return "collection";
        case Product::disbursement:
            return "disbursement";
        case Product::remittance:
            return "remittance";
    }
    return "unknown";
}

std::optional<Product> product_from(std::string_view name) {
    for (const auto product : {Product::collection, Product::disbursement, Product::remittance})
        if (to_string(product) == name) return product;
    return std::nullopt;
}

Answer collection_token(Context& context, Exchange& exchange) {
    return token(context, exchange, Product::collection);
}
Answer disbursement_token(Context& context, Exchange& exchange) {
    return token(context, exchange, Product::disbursement);
}
Answer remittance_token(Context& context, Exchange& exchange) {
    return token(context, exchange, Product::remittance);
}

}  // namespace signet::api::momo
