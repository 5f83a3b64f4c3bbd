// Access tokens from the wallet's side: checked for a proxy, by introspection, or by the wallet itself with the public keys.
#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/api/momo/errors.h"
#include "daemon/api/momo/tokens.h"
#include "daemon/http/basic.h"
#include "daemon/http/form.h"
#include "daemon/service/keys.h"
#include "hsm/pki/public_key.h"

namespace signet::api::momo {
namespace {

std::unexpected<Error> invalid_token() {
    return fail(ErrorCode::unauthenticated, "the access token is not valid");
}

// The token of the request and, where it shows a subscription key, that key too: both must be of one merchant and product.
Result<ValidToken> bearer(Context& context, const Exchange& exchange, std::optional<Product> product,
                          bool needs_subscription) {
    SIGNET_TRY(admit_caller(context, exchange));
    const auto text = http::parse_bearer(http::authorization_of(exchange.request().headers));
    std::optional<ValidToken> valid;
    if (text) {
        SIGNET_ASSIGN(valid, find_token(context, *text));
    }
    if (!valid) {
        caller_failed(context, exchange);
        return invalid_token();
    }
    if (needs_subscription || exchange.request().headers.has("Ocp-Apim-Subscription-Key")) {
        SIGNET_ASSIGN(const auto subscription, subscription_of(context, exchange));
        if (subscription.merchant != valid->user.merchant || subscription.product != valid->token.product)
            return subscription_invalid();
    }
    if (product && valid->token.product != to_string(*product)) return invalid_token();
    const auto environment = exchange.header("X-Target-Environment");
    if (!environment.empty() && environment != valid->user.environment)
        return fail(ErrorCode::permission_denied, "the target environment is another one");
    return *std::move(valid);
}

Answer balance(Context& context, Exchange& exchange, Product product) {
    SIGNET_TRY(bearer(context, exchange, product, true));
    const auto settings = context.settings();
    JsonWriter json;
    json.begin_object();
    json.member("availableBalance", settings.balance);
    json.member("currency", settings.currency);
    json.end_object();
    return json_answer(json.take());
}

std::int64_t seconds_of(SystemTime time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

}  // namespace

Answer collection_balance(Context& context, Exchange& exchange) {
    return balance(context, exchange, Product::collection);
}
Answer disbursement_balance(Context& context, Exchange& exchange) {
    return balance(context, exchange, Product::disbursement);
}
Answer remittance_balance(Context& context, Exchange& exchange) {
    return balance(context, exchange, Product::remittance);
}

// For nginx's auth_request and its like: 204 with who it is, or 401. `?product=collection` asks for a token of that product.
Answer forward_auth(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto query, exchange.query());
    std::optional<Product> product;
    for (const auto& [name, value] : query) {
        if (name != "product" || product || !(product = product_from(value)))
            return fail(ErrorCode::invalid_argument,
                        "the query takes product=collection, disbursement or remittance");
    }
    SIGNET_ASSIGN(const auto valid, bearer(context, exchange, product, false));
    http::Response response;
    response.status = 204;
    response.content_type.clear();
    response.headers = {{"X-Momo-User", valid.user.id},
                        {"X-Momo-Product", valid.token.product},
                        {"X-Momo-Merchant", valid.user.merchant},
                        {"X-Momo-Target-Environment", valid.user.environment},
                        {"Cache-Control", "no-store"}};
    return response;
}

// RFC 7662.
Answer introspect(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto form, http::Form::parse(exchange.body()));
    SIGNET_ASSIGN(const auto text, form.required("token"));
    SIGNET_ASSIGN(const auto valid, find_token(context, text));
    JsonWriter json;
    json.begin_object();
    json.member("active", valid.has_value());
    if (valid) {
        json.member("client_id", valid->user.id);
        json.member("sub", valid->user.id);
        json.member("aud", valid->token.product);
        json.member("iss", context.settings().issuer);
        json.member("iat", seconds_of(valid->token.issued));
        json.member("exp", seconds_of(valid->token.expires));
        json.member("jti", valid->token.id);
        json.member("token_type", "access_token");
        json.member("target_environment", valid->user.environment);
        json.member("merchant", valid->user.merchant);
    }
    json.end_object();
    auto answer = json_answer(json.take());
    answer.headers.emplace_back("Cache-Control", "no-store");
    return answer;
}

// RFC 7517: the versions of the signing key that a token alive may be signed with.
Answer jwks(Context& context, Exchange&) {
    auto& services = context.services;
    SIGNET_ASSIGN(const auto key, services.keys.find(context.settings().token_key));
    JsonWriter json(2048);
    json.begin_object();
    json.key("keys");
    json.begin_array();
    for (const auto& version : key->versions) {
        if (version.state != service::KeyState::active && version.state != service::KeyState::retired)
            continue;
        SIGNET_ASSIGN(const auto public_key, pki::PublicKey::from_spki(version.public_key));
        std::string jwk = public_key.jwk();
        jwk.pop_back();
        json.raw(jwk + R"(,"use":"sig","alg":")" + std::string(to_string(public_key.default_algorithm())) +
                 R"(","kid":")" + to_string(version.id) + "\"}");
    }
    json.end_array();
    json.end_object();
    auto answer = json_answer(json.take());
    answer.headers.emplace_back("Cache-Control", "max-age=300");
    return answer;
}

}  // namespace signet::api::momo
