// Messages to other systems, for administrators: what waits, what was delivered, what was given up.
#include "daemon/service/outbox.h"

#include <charconv>

#include "daemon/api/native/handlers.h"
#include "daemon/http/form.h"
#include "sqlite/outbox_store.h"
#include "sqlite/read_pool.h"

namespace signet::api::native {
namespace {

using sqlite::OutboxState;

Result<std::optional<OutboxState>> state_of(const Exchange& exchange) {
    SIGNET_ASSIGN(const auto query, http::Form::parse(exchange.request().query));
    for (const auto& [name, value] : query.fields()) {
        if (name != "state" && name != "after" && name != "limit")
            return fail(ErrorCode::invalid_argument,
                        "unknown query parameter '" + name + "'; expected state, after or limit");
    }
    const auto* given = query.find("state");
    if (given == nullptr) return std::nullopt;
    for (const auto state : {OutboxState::waiting, OutboxState::delivered, OutboxState::dead})
        if (sqlite::to_string(state) == *given) return state;
    return fail(ErrorCode::invalid_argument, "state: expected waiting, delivered or dead");
}

// Neither body nor header fields: what a message says is for its receiver.
void write_message(JsonWriter& json, const sqlite::OutboxMessage& message) {
    json.begin_object();
    json.member("id", message.id);
    json.member("state", sqlite::to_string(message.state));
    json.member("kind", message.kind);
    json.member("destination", message.destination);
    json.member("attempts", message.attempts);
    json.member("created", to_rfc3339(message.created));
    if (message.state == OutboxState::waiting) json.member("next_at", to_rfc3339(message.next_at));
    if (!message.last_error.empty()) json.member("last_error", message.last_error);
    json.end_object();
}

}  // namespace

Answer list_outbox(Services& services, Exchange& exchange) {
    SIGNET_ASSIGN(const auto state, state_of(exchange));
    SIGNET_ASSIGN(const auto after, exchange.query_number("after", 0, 0, std::uint64_t{1} << 62));
    SIGNET_ASSIGN(const auto limit, exchange.query_number("limit", 100, 1, 1000));
    SIGNET_ASSIGN(const auto db, services.readers.lease());
    SIGNET_ASSIGN(const auto messages,
                  sqlite::outbox_store::list(*db, state, static_cast<std::int64_t>(after),
                                             static_cast<std::size_t>(limit)));
    SIGNET_ASSIGN(const auto counts, sqlite::outbox_store::counts(*db));
    JsonWriter json(256 + messages.size() * 256);
    json.begin_object();
    json.member("waiting", counts.waiting);
    json.member("dead", counts.dead);
    json.key("messages");
    json.begin_array();
    for (const auto& message : messages)
        write_message(json, message);
    json.end_array();
    json.member("more", messages.size() == limit);
    json.end_object();
    return json_answer(json.take());
}

Answer revive_message(Services& services, Exchange& exchange) {
    SIGNET_TRY(expect_no_members(exchange));
    const auto& text = exchange.parameter("id");
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc{} || end != text.data() + text.size())
        return fail(ErrorCode::not_found, "there is no such message " + text + " in the outbox");
    SIGNET_TRY(services.outbox.revive(caller_of(exchange), id));
    JsonWriter json;
    json.begin_object();
    json.member("id", id);
    json.member("state", "waiting");
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::native
