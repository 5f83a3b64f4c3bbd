// The documented queries of payment hosts. Whoever asks has passed the appliance's policy already (often as `public`, on an
// anonymous TLS listener); who they are to us is said by the two headers.
#include "daemon/api/json.h"
#include "daemon/api/mpoc/customers.h"
#include "daemon/api/mpoc/envelope.h"
#include "daemon/api/mpoc/handlers.h"
#include "daemon/api/mpoc/instances.h"
#include "daemon/service/details.h"
#include "hsm/pki/pem.h"
#include "sqlite/read_pool.h"

namespace signet::api::mpoc {
namespace {

constexpr std::string_view kCustomerHeader = "sp-customer-id";
constexpr std::string_view kKeyHeader = "sp-customer-api-key";

http::Response unknown_sdk() {
    return envelope(Code::unknown_sdk, "there is no such SDK instance");
}

struct Asked {
    Credentials credentials;
    std::optional<sqlite::MpocSdk> sdk;  // nullopt: unknown, or another customer's
};

// The answer where the credentials do not hold.
Result<std::variant<Asked, http::Response>> ask(Context& context, Exchange& exchange) {
    const auto& headers = exchange.request().headers;
    if (headers.count(kCustomerHeader) != 1 || headers.count(kKeyHeader) != 1)
        return envelope(Code::credentials_missing,
                        "send the headers sp-customer-id and sp-customer-api-key, each once");
    const auto customer_id = exchange.header(kCustomerHeader);
    SIGNET_ASSIGN(auto credentials, check_credentials(context, customer_id, exchange.header(kKeyHeader),
                                                      caller_of(exchange).deadline));
    if (!credentials) {
        context.services.metrics.refused(Metrics::Refused::stranger);
        return envelope(Code::credentials_wrong, "the customer id or its API key is wrong");
    }
    if (exchange.parameter("customerId") != customer_id)
        return envelope(Code::customer_differs,
                        "the customer in the path is not the one in the header sp-customer-id");
    Asked asked{*std::move(credentials), std::nullopt};
    const auto sdk_id = check_sdk_id(exchange.parameter("sdkId"));
    if (!sdk_id) return asked;
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(asked.sdk, sqlite::mpoc_sdk_store::find(*db, *sdk_id));
    if (asked.sdk && asked.sdk->customer != asked.credentials.customer.id) asked.sdk.reset();
    return asked;
}

// The use of the key and the audit record, durable before the answer goes.
Status record(Context& context, Exchange& exchange, const Asked& asked, std::string_view state) {
    const auto caller = caller_of(exchange);
    return context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::mpoc_customer_store::note_use(transaction, asked.credentials.key_id,
                                                         context.services.clock.now()));
        service::Details details;
        details.add("customer", asked.credentials.customer.customer_id)
            .add("api_key", asked.credentials.key_id);
        if (asked.sdk) details.add("state", state);
        SIGNET_TRY(transaction.audit({.request_id = std::string(caller.request_id),
                                      .principal = std::string(caller.principal),
                                      .action = std::string(exchange.route().permission),
                                      .object = "mpoc/sdk/" + exchange.parameter("sdkId"),
                                      .outcome = asked.sdk ? "ok" : "refused",
                                      .details = details.text()}));
        return {};
    });
}

Answer query(Context& context, Exchange& exchange, bool with_certificates) {
    SIGNET_ASSIGN(auto outcome, ask(context, exchange));
    if (auto* refused = std::get_if<http::Response>(&outcome)) return std::move(*refused);
    const auto& asked = std::get<Asked>(outcome);
    std::string state;
    if (asked.sdk) {
        SIGNET_ASSIGN(const auto why, why_invalid(context, *asked.sdk));
        state = why ? "INVALID" : "VALID";
    }
    SIGNET_TRY(record(context, exchange, asked, state));
    if (!asked.sdk) return unknown_sdk();
    const auto& sdk = *asked.sdk;
    JsonWriter json(8192);
    json.begin_object();
    json.member("sdkId", sdk.sdk_id);
    json.member("deviceId", "");
    json.member("version", sdk.version);
    json.member("state", state);
    json.member("attestResult", sdk.attest_result);
    json.member("attestResultAdvice", sdk.attest_advice);
    json.member("attestTime", sdk.attest_time ? to_unix_ms(*sdk.attest_time) : std::int64_t{0});
    if (with_certificates) {
        json.member("kekCert", pki::to_pem("CERTIFICATE", sdk.kek.der));
        json.member("signCert", pki::to_pem("CERTIFICATE", sdk.sign.der));
    }
    json.end_object();
    return envelope(Code::success, "success", json.view());
}

}  // namespace

Answer query_info(Context& context, Exchange& exchange) {
    return query(context, exchange, true);
}

Answer query_security(Context& context, Exchange& exchange) {
    return query(context, exchange, false);
}

Answer request_token(Context&, Exchange&) {
    return envelope(Code::token_gone,
                    "tokens are no longer supported: send the headers sp-customer-id and sp-customer-api-key "
                    "with each request instead");
}

}  // namespace signet::api::mpoc
