#include "daemon/api/momo/routes.h"

#include "base/log.h"
#include "daemon/api/momo/errors.h"
#include "daemon/api/momo/handlers.h"
#include "daemon/service/maintenance.h"
#include "sqlite/writer.h"

namespace signet::api::momo {
namespace {

constexpr std::size_t kSmall = 4096;
constexpr std::size_t kCallback = std::size_t{64} << 10;
constexpr std::size_t kPrune = 500;

constexpr std::string_view kApiUser =
    R"({"type":"object","required":["providerCallbackHost"],"properties":{"providerCallbackHost":{"type":"string"}}})";
constexpr std::string_view kApiUserDetails =
    R"({"type":"object","required":["providerCallbackHost","targetEnvironment"],"properties":{"providerCallbackHost":{"type":"string"},"targetEnvironment":{"type":"string"}}})";
constexpr std::string_view kApiKey =
    R"({"type":"object","required":["apiKey"],"properties":{"apiKey":{"type":"string"}}})";
constexpr std::string_view kToken =
    R"({"type":"object","required":["access_token","token_type","expires_in"],"properties":{"access_token":{"type":"string"},"token_type":{"type":"string"},"expires_in":{"type":"integer"}}})";
constexpr std::string_view kBalance =
    R"({"type":"object","required":["availableBalance","currency"],"properties":{"availableBalance":{"type":"string"},"currency":{"type":"string"}}})";
constexpr std::string_view kCallbackBody =
    R"({"type":"object","required":["user","url","body"],"properties":{"user":{"type":"string"},"url":{"type":"string"},"body":{}}})";
constexpr std::string_view kSubscription =
    R"({"type":"object","required":["merchant","product"],"properties":{"name":{"type":"string"},"merchant":{"type":"string"},"product":{"type":"string","enum":["collection","disbursement","remittance"]}}})";
constexpr std::string_view kUser =
    R"({"type":"object","required":["merchant","callback_host"],"properties":{"id":{"type":"string"},"merchant":{"type":"string"},"callback_host":{"type":"string"}}})";

// The rows of the document, with its error shapes. Each is there with and without /v1_0.
void add_document(RouteTable& out, Context& context) {
    using enum http::Verb;
    const auto row = [&](http::Verb verb, std::string_view pattern, std::string_view permission,
                         std::size_t limit, Answer (*handler)(Context&, Exchange&), std::string_view summary,
                         std::string_view request, std::string_view answer, ErrorShape shape,
                         bool own_credentials) {
        Route route;
        route.verb = verb;
        route.pattern = pattern;
        route.permission = permission;
        route.body_limit = limit;
        route.handler = bind(context, handler);
        route.summary = summary;
        route.request_schema = request;
        route.response_schema = answer;
        route.error_shape = shape;
        route.own_credentials = own_credentials;
        out.push_back(std::move(route));
    };
    const auto provision = [&](http::Verb verb, std::string_view pattern, std::string_view versioned,
                               Answer (*handler)(Context&, Exchange&), std::string_view summary,
                               std::string_view request, std::string_view answer) {
        for (const auto path : {pattern, versioned})
            row(verb, path, "momo.provision", verb == get ? 0 : kSmall, handler, summary, request, answer,
                api_error, false);
    };
    provision(post, "/apiuser", "/v1_0/apiuser", create_user, "Make an API user", kApiUser, "");
    provision(get, "/apiuser/{id}", "/v1_0/apiuser/{id}", get_user, "An API user", "", kApiUserDetails);
    provision(post, "/apiuser/{id}/apikey", "/v1_0/apiuser/{id}/apikey", create_key,
              "Make an API key; an earlier one ends", "", kApiKey);
    provision(del, "/apiuser/{id}", "/v1_0/apiuser/{id}", delete_user, "Revoke an API user", "", "");
    provision(del, "/apiuser/{id}/apikey", "/v1_0/apiuser/{id}/apikey", delete_key, "Revoke an API key", "",
              "");

    struct OfProduct {
        std::initializer_list<std::string_view> token;
        std::initializer_list<std::string_view> balance;
        Answer (*token_handler)(Context&, Exchange&);
        Answer (*balance_handler)(Context&, Exchange&);
    };
    const OfProduct products[] = {
        {{"/collection/token", "/collection/v1_0/token", "/v1_0/collection/token"},
         {"/collection/account/balance", "/collection/v1_0/account/balance",
          "/v1_0/collection/account/balance"},
         collection_token,
         collection_balance},
        {{"/disbursement/token", "/disbursement/v1_0/token", "/v1_0/disbursement/token"},
         {"/disbursement/account/balance", "/disbursement/v1_0/account/balance",
          "/v1_0/disbursement/account/balance"},
         disbursement_token,
         disbursement_balance},
        {{"/remittance/token", "/remittance/v1_0/token", "/v1_0/remittance/token"},
         {"/remittance/account/balance", "/remittance/v1_0/account/balance",
          "/v1_0/remittance/account/balance"},
         remittance_token,
         remittance_balance},
    };
    for (const auto& product : products) {
        for (const auto path : product.token)
            row(post, path, "momo.token", kSmall, product.token_handler,
                "An access token for API user and API key (Basic)", "", kToken, token_error, true);
        for (const auto path : product.balance)
            row(get, path, "momo.balance", 0, product.balance_handler, "A configured balance (Bearer)", "",
                kBalance, bearer_error, true);
    }
    row(get, "/v1/momo/auth", "momo.introspect", 0, forward_auth,
        "Check the access token of a request for a proxy (Bearer)", "", "", bearer_error, true);
}

void add_own(RouteTable& out, Context& context) {
    using enum http::Verb;
    constexpr auto api = Surface::api;
    constexpr auto admin = Surface::admin;
    constexpr auto both = Surface::both;
    const auto to = [&](Answer (*handler)(Context&, Exchange&)) { return bind(context, handler); };
    // clang-format off
    RouteTable rows{
        // verb, path, permission, surface, body limit, resource, decides, handler, summary, request, answer
        {get,  "/.well-known/jwks.json",    "momo.jwks",       both, 0,         "", false, to(jwks),             "The keys that verify MoMo access tokens (RFC 7517)", "", ""},
        {post, "/v1/momo/introspect",       "momo.introspect", api,  kSmall,    "", false, to(introspect),       "Whether a MoMo access token is valid (RFC 7662)", "", ""},
        {post, "/v1/momo/callbacks",        "momo.callback",   api,  kCallback, "", false, to(enqueue_callback), "Send a callback to the host of an API user", kCallbackBody, ""},

        {post, "/v1/momo/subscriptions",                           "momo.manage", admin, kSmall, "", false, to(admin_create_subscription), "Subscribe a merchant to a product; shows both keys, once", kSubscription, ""},
        {get,  "/v1/momo/subscriptions",                           "momo.read",   admin, 0,      "", false, to(admin_list_subscriptions),  "Subscriptions", "", ""},
        {post, "/v1/momo/subscriptions/{id}/keys/{slot}/rotate",   "momo.manage", admin, kSmall, "", false, to(admin_rotate_subscription), "Replace the primary or the secondary key; shows it, once", "", ""},
        {post, "/v1/momo/subscriptions/{id}/revoke",               "momo.manage", admin, kSmall, "", false, to(admin_revoke_subscription), "Revoke a subscription", "", ""},
        {post, "/v1/momo/users",                                   "momo.manage", admin, kSmall, "", false, to(admin_create_user),         "Make an API user of a merchant", kUser, ""},
        {get,  "/v1/momo/users",                                   "momo.read",   admin, 0,      "", false, to(admin_list_users),          "API users", "", ""},
        {get,  "/v1/momo/users/{id}",                              "momo.read",   admin, 0,      "", false, to(admin_get_user),            "An API user", "", ""},
        {post, "/v1/momo/users/{id}/apikey",                       "momo.manage", admin, kSmall, "", false, to(admin_create_key),          "Make an API key; shows it, once", "", ""},
        {post, "/v1/momo/users/{id}/apikey/revoke",                "momo.manage", admin, kSmall, "", false, to(admin_revoke_key),          "Revoke an API key and its tokens", "", ""},
        {post, "/v1/momo/users/{id}/revoke",                       "momo.manage", admin, kSmall, "", false, to(admin_revoke_user),         "Revoke an API user, its key and its tokens", "", ""},
    };
    // clang-format on
    for (auto& row : rows)
        out.push_back(std::move(row));
}

class Momo final : public Family {
  public:
    explicit Momo(Services& services) : context_{services} {}

    RouteTable routes() override {
        RouteTable out;
        add_document(out, context_);
        add_own(out, context_);
        return out;
    }
    void add_jobs(service::Maintenance& maintenance) override {
        using namespace std::chrono_literals;
        maintenance.add({"momo-tokens", 10min, 1min, [this] { return prune(); }});
    }

  private:
    // Tokens that nobody asks for any more.
    bool prune() {
        for (;;) {
            std::uint64_t gone = 0;
            const auto done = context_.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
                SIGNET_ASSIGN(gone, sqlite::momo_user_store::prune_tokens(
                                        transaction, context_.services.clock.now(), kPrune));
                return {};
            });
            if (!done)
                log::warning("momo.prune_failed", done.error().message, {{"detail", done.error().detail}});
            if (!done || gone < kPrune) return done.has_value();
        }
    }

    Context context_;
};

}  // namespace

Result<std::unique_ptr<Family>> make(Services& services) {
    return std::make_unique<Momo>(services);
}

}  // namespace signet::api::momo
