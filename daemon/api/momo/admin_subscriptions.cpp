// Subscriptions, for administrators: a merchant's access to a product, with two keys that are rotated one at a time.
#include "base/random.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/momo/handlers.h"
#include "daemon/api/momo/secrets.h"
#include "daemon/http/form.h"
#include "daemon/service/details.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::api::momo {
namespace {

constexpr std::string_view kAction = "momo.manage";
constexpr std::size_t kMaxName = 128;

void write_members(JsonWriter& json, const sqlite::MomoSubscription& subscription) {
    json.member("id", subscription.id);
    json.member("name", subscription.name);
    json.member("merchant", subscription.merchant);
    json.member("product", subscription.product);
    json.member("created", to_rfc3339(subscription.created));
    json.member("created_by", subscription.created_by);
    json.member("state", subscription.revoked ? "revoked" : "active");
    if (subscription.revoked) json.member("revoked", to_rfc3339(*subscription.revoked));
}

sqlite::MomoSubscriptionKey row_of(sqlite::MomoSlot slot, MadeSecret& made, SystemTime now) {
    return {slot, std::move(made.mac), made.mac_version, now};
}

sqlite::AuditRecord record_of(const Exchange& exchange, const std::string& id, service::Details details) {
    return {.request_id = exchange.id(),
            .principal = std::string(exchange.principal()),
            .action = std::string(kAction),
            .object = "momo/subscription/" + id,
            .outcome = "ok",
            .details = details.text()};
}

}  // namespace

Answer admin_create_subscription(Context& context, Exchange& exchange) {
    auto& services = context.services;
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_TRY(body.only({"name", "merchant", "product"}));
    SIGNET_ASSIGN(const auto merchant, body.text("merchant", kMaxName));
    SIGNET_ASSIGN(const auto product_name, body.text("product", 32));
    SIGNET_ASSIGN(const auto name, body.optional_text("name", kMaxName));
    const auto product = product_from(product_name);
    if (!product)
        return fail(ErrorCode::invalid_argument, "product: expected collection, disbursement or remittance");
    if (merchant.empty())
        return fail(ErrorCode::invalid_argument, "merchant: expected the name of a principal");
    return idempotent(
        services, exchange,
        [&](const Keep&) -> Answer {
            const Deadline deadline{exchange.deadline()};
            const auto settings = context.settings();
            SIGNET_ASSIGN(auto primary, make_subscription_key(services, settings, deadline));
            SIGNET_ASSIGN(auto secondary, make_subscription_key(services, settings, deadline));
            const auto now = services.clock.now();
            const sqlite::MomoSubscription subscription{.id = random_uuid(),
                                                        .name = std::string(name.value_or("")),
                                                        .merchant = std::string(merchant),
                                                        .product = std::string(product_name),
                                                        .created = now,
                                                        .created_by = std::string(exchange.principal())};
            const std::vector keys{row_of(sqlite::MomoSlot::primary, primary, now),
                                   row_of(sqlite::MomoSlot::secondary, secondary, now)};
            SIGNET_TRY(services.writer.run([&](sqlite::Transaction& transaction) -> Status {
                SIGNET_TRY(sqlite::momo_subscription_store::insert(transaction, subscription, keys));
                SIGNET_TRY(transaction.audit(record_of(exchange, subscription.id,
                                                       service::Details()
                                                           .add("change", "create_subscription")
                                                           .add("merchant", subscription.merchant)
                                                           .add("product", subscription.product))));
                return {};
            }));
            JsonWriter json(512);
            json.begin_object();
            write_members(json, subscription);
            json.member("primary_key", primary.text);
            json.member("secondary_key", secondary.text);
            json.end_object();
            return json_answer(json.take(), 201);
        },
        true);
}

Answer admin_list_subscriptions(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto query, http::Form::parse(exchange.request().query));
    SIGNET_ASSIGN(const auto limit, exchange.query_number("limit", 100, 1, 1000));
    const auto* merchant = query.find("merchant");
    const auto* after = query.find("after");
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto rows, sqlite::momo_subscription_store::list(
                                       *db, merchant == nullptr ? "" : *merchant,
                                       after == nullptr ? "" : *after, static_cast<std::size_t>(limit)));
    JsonWriter json(256 + rows.size() * 256);
    json.begin_object();
    json.key("subscriptions");
    json.begin_array();
    for (const auto& row : rows) {
        json.begin_object();
        write_members(json, row);
        json.end_object();
    }
    json.end_array();
    json.member("more", rows.size() == limit);
    json.end_object();
    return json_answer(json.take());
}

Answer admin_rotate_subscription(Context& context, Exchange& exchange) {
    auto& services = context.services;
    SIGNET_TRY(expect_no_members(exchange));
    const auto slot = sqlite::momo_slot_from(exchange.parameter("slot"));
    if (!slot) return fail(ErrorCode::not_found, "a subscription has the keys primary and secondary");
    return idempotent(
        services, exchange,
        [&](const Keep&) -> Answer {
            const auto& id = exchange.parameter("id");
            SIGNET_ASSIGN(auto made,
                          make_subscription_key(services, context.settings(), Deadline{exchange.deadline()}));
            const auto key = row_of(*slot, made, services.clock.now());
            SIGNET_TRY(services.writer.run([&](sqlite::Transaction& transaction) -> Status {
                SIGNET_TRY(sqlite::momo_subscription_store::rotate(transaction, id, key));
                SIGNET_TRY(transaction.audit(
                    record_of(exchange, id,
                              service::Details().add("change", "rotate_key").add("key", to_string(*slot)))));
                return {};
            }));
            JsonWriter json;
            json.begin_object();
            json.member("id", id);
            json.member("slot", to_string(*slot));
            json.member("key", made.text);
            json.end_object();
            return json_answer(json.take());
        },
        true);
}

Answer admin_revoke_subscription(Context& context, Exchange& exchange) {
    auto& services = context.services;
    SIGNET_TRY(expect_no_members(exchange));
    const auto& id = exchange.parameter("id");
    SIGNET_TRY(services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::momo_subscription_store::revoke(transaction, id, services.clock.now()));
        SIGNET_TRY(transaction.audit(
            record_of(exchange, id, service::Details().add("change", "revoke_subscription"))));
        return {};
    }));
    JsonWriter json;
    json.begin_object();
    json.member("id", id);
    json.member("state", "revoked");
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::momo
