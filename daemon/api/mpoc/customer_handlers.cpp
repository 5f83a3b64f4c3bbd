// Administration of customers and their API keys; on the admin socket only.
#include "base/encoding.h"
#include "base/random.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/mpoc/customers.h"
#include "daemon/api/mpoc/handlers.h"
#include "daemon/service/details.h"
#include "sqlite/read_pool.h"

namespace signet::api::mpoc {
namespace {

namespace store = sqlite::mpoc_customer_store;
constexpr std::size_t kMaxKeysShown = 1000;

void write(JsonWriter& json, const sqlite::MpocCustomer& customer) {
    json.member("customerId", customer.customer_id);
    json.member("name", customer.name);
    json.member("state", customer.disabled ? "disabled" : "active");
    json.member("created", to_rfc3339(customer.created));
}

std::string object_of(std::string_view customer_id) {
    return "mpoc/customer/" + std::string(customer_id);
}

Result<std::uint64_t> record(sqlite::Transaction& transaction, Exchange& exchange,
                             const sqlite::MpocCustomer& customer, std::string details) {
    const auto caller = caller_of(exchange);
    return transaction.audit({.request_id = std::string(caller.request_id),
                              .principal = std::string(caller.principal),
                              .action = "mpoc.customers.manage",
                              .object = object_of(customer.customer_id),
                              .outcome = "ok",
                              .details = std::move(details)});
}

Answer set_disabled(Context& context, Exchange& exchange, bool disabled) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(auto customer, must_find_customer(context, exchange.parameter("customerId")));
    const auto now = context.services.clock.now();
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(
            store::set_disabled(transaction, customer.id, disabled ? std::optional(now) : std::nullopt));
        SIGNET_TRY(record(transaction, exchange, customer,
                          service::Details().add("change", disabled ? "disable" : "enable").text()));
        return {};
    }));
    customer.disabled = disabled ? std::optional(now) : std::nullopt;
    JsonWriter json;
    json.begin_object();
    write(json, customer);
    json.end_object();
    return json_answer(json.take());
}

}  // namespace

Answer create_customer(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"customerId", "name"}));
    SIGNET_ASSIGN(const auto given, body.optional_text("customerId", 64));
    SIGNET_ASSIGN(const auto name, body.text("name", 200));
    sqlite::MpocCustomer customer;
    customer.customer_id = given ? std::string(*given) : to_hex(random_bytes(8));
    customer.name = name;
    customer.created = context.services.clock.now();
    SIGNET_TRY(check_customer_id(customer.customer_id));
    return idempotent(context.services, exchange, [&](const Keep& keep) -> Answer {
        http::Response response;
        SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_TRY(store::insert(transaction, customer));
            SIGNET_ASSIGN(const auto sequence,
                          record(transaction, exchange, customer,
                                 service::Details().add("change", "create").add("name", name).text()));
            JsonWriter json;
            json.begin_object();
            write(json, customer);
            json.member("audit", sequence);
            json.end_object();
            response = json_answer(json.take(), 201);
            return keep(transaction, response);
        }));
        return response;
    });
}

Answer list_customers(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto after, exchange.query_number("after", 0, 0, INT64_MAX));
    SIGNET_ASSIGN(const auto limit, exchange.query_number("limit", 100, 1, 1000));
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto rows, store::list(*db, static_cast<std::int64_t>(after), limit + 1));
    JsonWriter json;
    json.begin_object();
    json.key("customers");
    json.begin_array();
    std::int64_t last = static_cast<std::int64_t>(after);
    for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), limit); ++i) {
        json.begin_object();
        write(json, rows[i]);
        json.end_object();
        last = rows[i].id;
    }
    json.end_array();
    json.member("next_after", last);
    json.member("more", rows.size() > limit);
    json.end_object();
    return json_answer(json.take());
}

Answer get_customer(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto customer, must_find_customer(context, exchange.parameter("customerId")));
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto keys, store::keys(*db, customer.id, kMaxKeysShown));
    JsonWriter json(1024);
    json.begin_object();
    write(json, customer);
    json.key("keys");
    json.begin_array();
    for (const auto& key : keys) {
        json.begin_object();
        json.member("id", key.key_id);
        json.member("note", key.note);
        json.member("state", key.revoked ? "revoked" : "active");
        json.member("created", to_rfc3339(key.created));
        if (key.last_used) json.member("last_used", to_rfc3339(*key.last_used));
        if (key.revoked) json.member("revoked", to_rfc3339(*key.revoked));
        json.end_object();
    }
    json.end_array();
    json.end_object();
    return json_answer(json.take());
}

Answer disable_customer(Context& context, Exchange& exchange) {
    return set_disabled(context, exchange, true);
}

Answer enable_customer(Context& context, Exchange& exchange) {
    return set_disabled(context, exchange, false);
}

Answer create_api_key(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto body, optional_body(exchange));
    SIGNET_TRY(body.only({"note"}));
    SIGNET_ASSIGN(const auto note, body.optional_text("note", 200));
    SIGNET_ASSIGN(const auto customer, must_find_customer(context, exchange.parameter("customerId")));
    return idempotent_secret(context.services, exchange, [&]() -> Answer {
        SIGNET_ASSIGN(const auto made,
                      make_api_key(context, customer, note.value_or(""), caller_of(exchange).deadline));
        std::uint64_t sequence = 0;
        SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_ASSIGN(const auto live, store::count_live_keys(transaction.db(), customer.id));
            if (live >= kMaxLiveKeys)
                return fail(ErrorCode::conflict, "the customer " + customer.customer_id + " has " +
                                                     std::to_string(live) +
                                                     " API keys already; revoke one first");
            SIGNET_TRY(store::insert_key(transaction, made.row));
            SIGNET_ASSIGN(sequence, record(transaction, exchange, customer,
                                           service::Details()
                                               .add("change", "create API key")
                                               .add("api_key", made.row.key_id)
                                               .text()));
            return {};
        }));
        JsonWriter json;
        json.begin_object();
        json.member("customerId", customer.customer_id);
        json.member("id", made.row.key_id);
        json.member("apiKey", made.text);
        json.member("audit", sequence);
        json.end_object();
        return json_answer(json.take(), 201);
    });
}

Answer revoke_api_key(Context& context, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    SIGNET_ASSIGN(const auto customer, must_find_customer(context, exchange.parameter("customerId")));
    const auto& key_id = exchange.parameter("keyId");
    std::uint64_t sequence = 0;
    SIGNET_TRY(context.services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(store::revoke_key(transaction, customer.id, key_id, context.services.clock.now()));
        SIGNET_ASSIGN(
            sequence,
            record(transaction, exchange, customer,
                   service::Details().add("change", "revoke API key").add("api_key", key_id).text()));
        return {};
    }));
    JsonWriter json;
    json.begin_object();
    json.member("id", key_id);
    json.member("state", "revoked");
    json.member("audit", sequence);
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::mpoc
