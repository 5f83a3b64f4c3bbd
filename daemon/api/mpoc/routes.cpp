#include "daemon/api/mpoc/routes.h"

#include "base/log.h"
#include "daemon/api/mpoc/envelope.h"
#include "daemon/api/mpoc/handlers.h"
#include "daemon/api/mpoc/schemas.h"
#include "daemon/config/current.h"
#include "daemon/service/maintenance.h"
#include "sqlite/mpoc_sdk_store.h"

namespace signet::api::mpoc {
namespace {

constexpr std::size_t kSmall = 4096;
constexpr std::size_t kCsrs = std::size_t{48} << 10;
constexpr std::size_t kData = std::size_t{1536} << 10;
constexpr std::size_t kPruned = 500;  // rows in one transaction

constexpr bool kDecides = true;
constexpr bool kDecided = false;

RouteTable rows(Context& context) {
    using enum http::Verb;
    using namespace schemas;
    constexpr auto api = Surface::api;
    constexpr auto admin = Surface::admin;
    const auto to = [&](Answer (*handler)(Context&, Exchange&)) { return bind(context, handler); };
    // clang-format off
    return {
        // verb, path, permission, surface, body limit, resource, decides, handler, summary, request, answer, error shape
        {get,  "/mpoc/sp/api/info/{customerId}/{sdkId}",     "mpoc.info",     api, kSmall, "sdkId", kDecided, to(query_info),     "Query an SDK instance with its certificates (AMS API)", "", kInfo, error_envelope},
        {get,  "/mpoc/sp/api/security/{customerId}/{sdkId}", "mpoc.security", api, kSmall, "sdkId", kDecided, to(query_security), "Query the state of an SDK instance (AMS API)", "", kSecurity, error_envelope},
        {post, "/mpoc/sp/api/token",                         "mpoc.security", api, kSmall, "",      kDecided, to(request_token),  "No longer supported (AMS API)", "", "", error_envelope},

        {post, "/v1/mpoc/sdks/{sdkId}/kek/unwrap",   "mpoc.unwrap", api, kSmall, "sdkId", kDecided, to(unwrap_payment_key), "Load a payment key that came under the KEK certificate of an SDK instance", kUnwrap, kUnwrapped},
        {post, "/v1/mpoc/sdks/{sdkId}/sign",         "mpoc.sign",   api, kData,  "sdkId", kDecides, to(sign),               "Sign with the sign key of an SDK instance", kSign, kSigned},
        {post, "/v1/mpoc/sdks/{sdkId}/attestations", "mpoc.attest", api, kSmall, "sdkId", kDecided, to(report_attestation), "Report an attestation result", kAttest, ""},

        {post, "/v1/mpoc/customers",                                  "mpoc.customers.manage", admin, kSmall, "", kDecided, to(create_customer),  "Add a customer", kCustomer, ""},
        {get,  "/v1/mpoc/customers",                                  "mpoc.read",             admin, 0,      "", kDecided, to(list_customers),   "All customers", "", ""},
        {get,  "/v1/mpoc/customers/{customerId}",                     "mpoc.read",             admin, 0,      "", kDecided, to(get_customer),     "A customer and its API keys", "", ""},
        {post, "/v1/mpoc/customers/{customerId}/disable",             "mpoc.customers.manage", admin, kSmall, "", kDecided, to(disable_customer), "Refuse a customer", "", ""},
        {post, "/v1/mpoc/customers/{customerId}/enable",              "mpoc.customers.manage", admin, kSmall, "", kDecided, to(enable_customer),  "Serve a customer again", "", ""},
        {post, "/v1/mpoc/customers/{customerId}/keys",                "mpoc.customers.manage", admin, kSmall, "", kDecided, to(create_api_key),   "Make an API key, shown once", kNote, kApiKey},
        {post, "/v1/mpoc/customers/{customerId}/keys/{keyId}/revoke", "mpoc.customers.manage", admin, kSmall, "", kDecided, to(revoke_api_key),   "Revoke an API key", "", ""},

        {post, "/v1/mpoc/sdks",                      "mpoc.sdks.enrol", admin, kCsrs,  "",      kDecided, to(enrol_sdk),         "Enrol an SDK instance", kEnrol, ""},
        {get,  "/v1/mpoc/sdks",                      "mpoc.read",       admin, 0,      "",      kDecided, to(list_sdks),         "SDK instances, of all or one customer", "", ""},
        {get,  "/v1/mpoc/sdks/{sdkId}",              "mpoc.read",       admin, 0,      "sdkId", kDecided, to(get_sdk),           "One SDK instance", "", ""},
        {get,  "/v1/mpoc/sdks/{sdkId}/attestations", "mpoc.read",       admin, 0,      "sdkId", kDecided, to(list_attestations), "Attestation results, newest first", "", ""},
        {post, "/v1/mpoc/sdks/{sdkId}/rekey",        "mpoc.manage",     admin, kCsrs,  "sdkId", kDecided, to(rekey_sdk),         "New keys and certificates, the old ones revoked", kRekey, ""},
        {post, "/v1/mpoc/sdks/{sdkId}/block",        "mpoc.manage",     admin, kSmall, "sdkId", kDecided, to(block_sdk),         "Block an SDK instance", kNote, ""},
        {post, "/v1/mpoc/sdks/{sdkId}/unblock",      "mpoc.manage",     admin, kSmall, "sdkId", kDecided, to(unblock_sdk),       "Release a blocked SDK instance", kNote, ""},
        {post, "/v1/mpoc/sdks/{sdkId}/revoke-keys",  "mpoc.manage",     admin, kSmall, "sdkId", kDecided, to(revoke_sdk_keys),   "Revoke the keys of an SDK instance", kNote, ""},
        {post, "/v1/mpoc/sdks/{sdkId}/decommission", "mpoc.manage",     admin, kSmall, "sdkId", kDecided, to(decommission_sdk),  "Take an SDK instance out of service, for good", kNote, ""},
    };
    // clang-format on
}

// The section names things that others of the file must have.
Status check_section(const config::Config& config) {
    if (!config.mpoc) return {};
    const auto& mpoc = *config.mpoc;
    const auto ca = config.authorities.find(mpoc.ca);
    if (ca == config.authorities.end())
        return fail(ErrorCode::failed_precondition, "mpoc.ca: there is no '" + mpoc.ca + "' under ca");
    for (const auto* profile : {&mpoc.kek_profile, &mpoc.sign_profile}) {
        if (!ca->second.profiles.contains(*profile))
            return fail(ErrorCode::failed_precondition,
                        "mpoc.profiles: ca." + mpoc.ca + " has no profile '" + *profile + "'");
    }
    return {};
}

class Mpoc final : public Family {
  public:
    Mpoc(Services& services, config::Mpoc settings) : context_{services, std::move(settings)} {}

    RouteTable routes() override { return rows(context_); }
    Status check(const config::Config& config) override { return check_section(config); }
    void add_jobs(service::Maintenance& maintenance) override {
        using namespace std::chrono_literals;
        maintenance.add({"mpoc.attestations", 1h, 5min, [this] { return prune(); }});
    }

  private:
    bool prune() {
        const auto before = context_.services.clock.now() - context_.settings().attestations;
        for (std::size_t gone = kPruned; gone == kPruned;) {
            const auto done = context_.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
                SIGNET_ASSIGN(gone, sqlite::mpoc_sdk_store::prune_attestations(transaction, before, kPruned));
                return {};
            });
            if (!done) {
                log::warning("mpoc.not_pruned", done.error().message, {{"detail", done.error().detail}});
                return false;
            }
        }
        return true;
    }

    Context context_;
};

}  // namespace

Result<std::unique_ptr<Family>> make(Services& services) {
    const auto config = services.config.get();
    SIGNET_TRY(check_section(*config));
    return std::make_unique<Mpoc>(services, *config->mpoc);
}

}  // namespace signet::api::mpoc
