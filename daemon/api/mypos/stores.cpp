// Stores: who signs with which keys.
#include <algorithm>

#include "base/encoding.h"
#include "daemon/api/idempotent.h"
#include "daemon/api/json.h"
#include "daemon/api/mypos/context.h"
#include "daemon/http/form.h"
#include "daemon/service/details.h"
#include "hsm/pki/public_key.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::api::mypos {
namespace {

constexpr std::string_view kAction = "mypos.manage";

void write_store(JsonWriter& json, const sqlite::MyposStore& store) {
    json.member("sid", store.id);
    json.member("side", sqlite::to_string(store.side));
    json.member("name", store.name);
    json.member("wallet", store.wallet);
    json.member("currency", store.currency);
    json.member("created", to_rfc3339(store.created));
    json.member("created_by", store.created_by);
    json.member("state", store.closed ? "closed" : "open");
}

void write_key(JsonWriter& json, const sqlite::MyposKey& key) {
    json.begin_object();
    json.member("index", key.index);
    json.member("state", sqlite::to_string(key.state));
    json.member("created", to_rfc3339(key.created));
    if (key.changed) json.member("changed", to_rfc3339(*key.changed));
    json.member("certificate_sha256", to_hex(sha256(key.certificate)));
    if (const auto peer = pki::PublicKey::from_spki(key.peer_key))
        json.member("peer_key_sha256", to_hex(peer->spki_sha256()));
    json.end_object();
}

Result<sqlite::MyposStore> read_store(const JsonObject& body) {
    SIGNET_TRY(body.only({"sid", "side", "name", "wallet", "currency"}));
    sqlite::MyposStore store;
    SIGNET_ASSIGN(store.id, body.text("sid", 64));
    SIGNET_TRY(check_store_id(store.id));
    SIGNET_ASSIGN(const auto side_name, body.optional_text("side", 16));
    const auto side = sqlite::mypos_side_from(side_name.value_or("provider"));
    if (!side) return fail(ErrorCode::invalid_argument, "side: expected provider or merchant");
    store.side = *side;
    SIGNET_ASSIGN(const auto name, body.optional_text("name", 128));
    SIGNET_ASSIGN(store.wallet, body.text("wallet", 32));
    SIGNET_ASSIGN(store.currency, body.text("currency", 3));
    store.name = name.value_or("");
    if (store.wallet.empty() || store.wallet.find_first_not_of("0123456789") != std::string::npos)
        return fail(ErrorCode::invalid_argument, "wallet: expected a wallet number of digits");
    if (store.currency.size() != 3 ||
        !std::ranges::all_of(store.currency, [](char c) { return c >= 'A' && c <= 'Z'; }))
        return fail(ErrorCode::invalid_argument, "currency: expected a code of ISO 4217 such as EUR");
    return store;
}

}  // namespace

Answer create_store(Context& context, Exchange& exchange) {
    auto& services = context.services;
    SIGNET_ASSIGN(const auto body, exchange.json());
    SIGNET_ASSIGN(auto store, read_store(body));
    store.created = services.clock.now();
    store.created_by = exchange.principal();
    return idempotent(services, exchange, [&](const Keep& keep) -> Answer {
        JsonWriter json;
        json.begin_object();
        write_store(json, store);
        json.end_object();
        const auto answer = json_answer(json.take(), 201);
        SIGNET_TRY(services.writer.run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_TRY(sqlite::mypos_store::insert(transaction, store));
            SIGNET_TRY(transaction.audit(record_of(exchange, kAction, store.id,
                                                   service::Details()
                                                       .add("change", "create_store")
                                                       .add("side", sqlite::to_string(store.side))
                                                       .text())));
            return keep(transaction, answer);
        }));
        return answer;
    });
}

Answer list_stores(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto query, http::Form::parse(exchange.request().query));
    SIGNET_ASSIGN(const auto limit, exchange.query_number("limit", 100, 1, 1000));
    const auto* after = query.find("after");
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto rows, sqlite::mypos_store::list(*db, after == nullptr ? "" : *after,
                                                             static_cast<std::size_t>(limit)));
    JsonWriter json(256 + rows.size() * 256);
    json.begin_object();
    json.key("stores");
    json.begin_array();
    for (const auto& row : rows) {
        json.begin_object();
        write_store(json, row);
        json.end_object();
    }
    json.end_array();
    json.member("more", rows.size() == limit);
    json.end_object();
    return json_answer(json.take());
}

Answer get_store(Context& context, Exchange& exchange) {
    const auto& id = exchange.parameter("sid");
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(const auto store, sqlite::mypos_store::find(*db, id));
    if (!store) return fail(ErrorCode::not_found, "there is no store " + id);
    SIGNET_ASSIGN(const auto keys, sqlite::mypos_store::keys_of(*db, id));
    JsonWriter json(512 + keys.size() * 256);
    json.begin_object();
    write_store(json, *store);
    json.key("keys");
    json.begin_array();
    for (const auto& key : keys)
        write_key(json, key);
    json.end_array();
    json.end_object();
    return json_answer(json.take());
}

Answer close_store(Context& context, Exchange& exchange) {
    auto& services = context.services;
    SIGNET_TRY(expect_no_members(exchange));
    const auto& id = exchange.parameter("sid");
    SIGNET_TRY(services.writer.run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(sqlite::mypos_store::close(transaction, id, services.clock.now()));
        SIGNET_TRY(transaction.audit(
            record_of(exchange, kAction, id, service::Details().add("change", "close_store").text())));
        return {};
    }));
    JsonWriter json;
    json.begin_object();
    json.member("sid", id);
    json.member("state", "closed");
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::mypos
