// Administration of SDK instances; on the admin socket only.
#include "base/encoding.h"
#include "base/random.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/mpoc/customers.h"
#include "daemon/api/mpoc/handlers.h"
#include "daemon/api/mpoc/instances.h"
#include "hsm/pki/csr.h"
#include "hsm/pki/pem.h"
#include "sqlite/read_pool.h"

namespace signet::api::mpoc {
namespace {

namespace store = sqlite::mpoc_sdk_store;
constexpr std::size_t kMaxPaymentKeysShown = 100;

void write(JsonWriter& json, const sqlite::MpocSdk& sdk, std::string_view customer_id,
           const std::optional<std::string>& why) {
    json.member("sdkId", sdk.sdk_id);
    json.member("customerId", customer_id);
    json.member("version", sdk.version);
    json.member("state", why ? "INVALID" : "VALID");
    if (why) json.member("reason", *why);
    json.member("keys", sdk.in_token ? "token" : "device");
    json.member("generation", sdk.generation);
    json.member("kekSerial", to_hex(sdk.kek.serial));
    json.member("signSerial", to_hex(sdk.sign.serial));
    json.member("attestResult", sdk.attest_result);
    json.member("attestTime", sdk.attest_time ? to_unix_ms(*sdk.attest_time) : std::int64_t{0});
    json.member("enrolled", to_rfc3339(sdk.enrolled));
}

void write_certificates(JsonWriter& json, const sqlite::MpocSdk& sdk) {
    json.member("kekCert", pki::to_pem("CERTIFICATE", sdk.kek.der));
    json.member("signCert", pki::to_pem("CERTIFICATE", sdk.sign.der));
}

http::Response made(const sqlite::MpocSdk& sdk, std::string_view customer_id) {
    JsonWriter json(8192);
    json.begin_object();
    write(json, sdk, customer_id, std::nullopt);
    write_certificates(json, sdk);
    json.end_object();
    return json_answer(json.take(), 201);
}

// Both or none.
Result<std::optional<Requests>> requests_in(const JsonObject& body) {
    SIGNET_ASSIGN(const auto kek, body.optional_text("kekCsr", pki::kMaxCsrSize));
    SIGNET_ASSIGN(const auto sign, body.optional_text("signCsr", pki::kMaxCsrSize));
    if (kek.has_value() != sign.has_value())
        return fail(ErrorCode::invalid_argument,
                    "expected kekCsr and signCsr, or neither to have both keys made in the token");
    if (!kek) return std::nullopt;
    return Requests{std::string(*kek), std::string(*sign)};
}

Result<std::string> customer_id_of(Context& context, const sqlite::MpocSdk& sdk) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto customer, sqlite::mpoc_customer_store::find(*db, sdk.customer));
    return customer ? customer->customer_id : std::string{};
}

Answer changed(Context& context, Exchange& exchange, Change what) {
    SIGNET_ASSIGN(const auto body, optional_body(exchange));
    SIGNET_TRY(body.only({"note"}));
    SIGNET_ASSIGN(const auto note, body.optional_text("note", 200));
    SIGNET_ASSIGN(const auto sdk, must_find_sdk(context, exchange.parameter("sdkId")));
    return idempotent(context.services, exchange, [&](const Keep&) -> Answer {
        SIGNET_TRY(change(context, caller_of(exchange), sdk, what, note.value_or("")));
        return get_sdk(context, exchange);
    });
}

}  // namespace

Answer enrol_sdk(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"sdkId", "customerId", "version", "kekCsr", "signCsr"}));
    sqlite::MpocSdk sdk;
    SIGNET_ASSIGN(const auto given, body.optional_text("sdkId", 16));
    if (given) {
        SIGNET_ASSIGN(sdk.sdk_id, check_sdk_id(*given));
    } else {
        sdk.sdk_id = to_hex(random_bytes(8));
    }
    SIGNET_ASSIGN(const auto customer_id, body.text("customerId", 64));
    SIGNET_ASSIGN(const auto version, body.text("version", 64));
    sdk.version = version;
    SIGNET_ASSIGN(const auto requests, requests_in(body));
    SIGNET_ASSIGN(const auto customer, must_find_customer(context, customer_id));
    sdk.customer = customer.id;
    {
        // Before the token makes keys for nothing.
        SIGNET_ASSIGN(const auto db, context.services.readers.lease());
        SIGNET_ASSIGN(const auto taken, store::find(*db, sdk.sdk_id));
        // A retry with its Idempotency-Key gets the first answer.
        if (taken && exchange.header("Idempotency-Key").empty())
            return fail(ErrorCode::already_exists, "there is an SDK instance " + sdk.sdk_id + " already");
    }
    return idempotent(context.services, exchange, [&](const Keep& keep) -> Answer {
        SIGNET_ASSIGN(const auto enrolled,
                      enrol(context, caller_of(exchange), sdk, requests,
                            [&](sqlite::Transaction& transaction, const sqlite::MpocSdk& row) {
                                return keep(transaction, made(row, customer.customer_id));
                            }));
        return made(enrolled, customer.customer_id);
    });
}

Answer rekey_sdk(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, optional_body(exchange));
    SIGNET_TRY(body.only({"kekCsr", "signCsr"}));
    SIGNET_ASSIGN(const auto requests, requests_in(body));
    SIGNET_ASSIGN(const auto sdk, must_find_sdk(context, exchange.parameter("sdkId")));
    SIGNET_ASSIGN(const auto customer_id, customer_id_of(context, sdk));
    return idempotent(context.services, exchange, [&](const Keep& keep) -> Answer {
        SIGNET_ASSIGN(const auto done,
                      rekey(context, caller_of(exchange), sdk, requests,
                            [&](sqlite::Transaction& transaction, const sqlite::MpocSdk& row) {
                                return keep(transaction, made(row, customer_id));
                            }));
        return made(done, customer_id);
    });
}

Answer list_sdks(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto after, exchange.query_number("after", 0, 0, INT64_MAX));
    SIGNET_ASSIGN(const auto limit, exchange.query_number("limit", 100, 1, 500));
    SIGNET_ASSIGN(const auto fields, exchange.query());
    std::int64_t customer = 0;
    for (const auto& [name, value] : fields) {
        if (name == "customer") {
            SIGNET_ASSIGN(const auto found, must_find_customer(context, value));
            customer = found.id;
        } else if (name != "after" && name != "limit") {
            return fail(ErrorCode::invalid_argument, "expected after, limit and customer in the query");
        }
    }
    std::vector<sqlite::MpocSdk> rows;
    {
        SIGNET_ASSIGN(const auto db, context.services.readers.lease());
        SIGNET_ASSIGN(rows, store::list(*db, customer, static_cast<std::int64_t>(after), limit + 1));
    }
    JsonWriter json(4096);
    json.begin_object();
    json.key("sdks");
    json.begin_array();
    auto last = static_cast<std::int64_t>(after);
    for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), limit); ++i) {
        SIGNET_ASSIGN(const auto why, why_invalid(context, rows[i]));
        SIGNET_ASSIGN(const auto customer_id, customer_id_of(context, rows[i]));
        json.begin_object();
        write(json, rows[i], customer_id, why);
        json.end_object();
        last = rows[i].id;
    }
    json.end_array();
    json.member("next_after", last);
    json.member("more", rows.size() > limit);
    json.end_object();
    return json_answer(json.take());
}

Answer get_sdk(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto sdk, must_find_sdk(context, exchange.parameter("sdkId")));
    SIGNET_ASSIGN(const auto why, why_invalid(context, sdk));
    SIGNET_ASSIGN(const auto customer_id, customer_id_of(context, sdk));
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto payment_keys, store::payment_keys(*db, sdk.id, kMaxPaymentKeysShown));
    JsonWriter json(8192);
    json.begin_object();
    write(json, sdk, customer_id, why);
    if (sdk.blocked) json.member("blocked", to_rfc3339(*sdk.blocked));
    if (sdk.keys_revoked) json.member("keysRevoked", to_rfc3339(*sdk.keys_revoked));
    if (sdk.decommissioned) json.member("decommissioned", to_rfc3339(*sdk.decommissioned));
    write_certificates(json, sdk);
    json.key("paymentKeys");
    json.begin_array();
    for (const auto& key : payment_keys) {
        json.begin_object();
        json.member("id", key.key_id);
        json.member("algorithm", key.algorithm);
        json.member("kcv", key.kcv);
        json.member("generation", key.generation);
        json.member("created", to_rfc3339(key.created));
        json.end_object();
    }
    json.end_array();
    json.end_object();
    return json_answer(json.take());
}

Answer block_sdk(Context& context, Exchange& exchange) {
    return changed(context, exchange, Change::block);
}

Answer unblock_sdk(Context& context, Exchange& exchange) {
    return changed(context, exchange, Change::unblock);
}

Answer revoke_sdk_keys(Context& context, Exchange& exchange) {
    return changed(context, exchange, Change::revoke_keys);
}

Answer decommission_sdk(Context& context, Exchange& exchange) {
    return changed(context, exchange, Change::decommission);
}

}  // namespace signet::api::mpoc
