// Messages that come and go: signed with our key, checked with the other side's.
#include <algorithm>

#include "daemon/api/json.h"
#include "daemon/api/mypos/context.h"
#include "daemon/api/mypos/message.h"
#include "daemon/api/mypos/signer.h"
#include "daemon/http/form.h"

namespace signet::api::mypos {
namespace {

SteadyTime now() {
    return std::chrono::steady_clock::now();
}

bool is_form(const Exchange& exchange) {
    const auto type = exchange.header("Content-Type");
    return http::equal_ignoring_case(type.substr(0, type.find(';')), "application/x-www-form-urlencoded");
}

// A stray CRLF CRLF after the body belongs to nothing.
Result<Message> read_message(const Exchange& exchange) {
    if (is_form(exchange)) {
        std::string_view body = exchange.body();
        while (body.ends_with('\n') || body.ends_with('\r'))
            body.remove_suffix(1);
        return read_form(body);
    }
    if (exchange.peer().transport != http::Peer::Transport::unix_socket &&
        !exchange.header("Content-Type").starts_with("application/json"))
        return fail(ErrorCode::invalid_argument,
                    "send the message as application/x-www-form-urlencoded or application/json");
    return read_json(exchange.body());
}

Result<sqlite::MyposKey> key_of(Context& context, const Exchange& exchange) {
    SIGNET_ASSIGN(const auto index, read_index(exchange.parameter("index")));
    SIGNET_ASSIGN(const auto store, open_store(context, exchange.parameter("sid")));
    return find_key(context, store.id, index);
}

Status admit(Context& context, const Exchange& exchange, std::string_view store) {
    const auto settings = context.settings();
    SIGNET_TRY(context.attempts.admit("caller", guesser_of(exchange), settings.failures_per_caller, now()));
    return context.attempts.admit("store", store, settings.failures_per_store, now());
}

void failed(Context& context, const Exchange& exchange, std::string_view store) {
    const auto settings = context.settings();
    context.attempts.failed("caller", guesser_of(exchange), settings.failures_per_caller, now());
    context.attempts.failed("store", store, settings.failures_per_store, now());
}

// The key that a checkout message names and is signed with; nullopt for every reason why not.
Result<std::optional<sqlite::MyposKey>> checkout_key(Context& context, const Message& message) {
    const auto* store_id = message.find("SID");
    const auto* index_text = message.find("KeyIndex");
    if (store_id == nullptr || index_text == nullptr) return std::nullopt;
    const auto index = read_index(*index_text);
    if (!index || !check_store_id(*store_id)) return std::nullopt;
    const auto store = open_store(context, *store_id);
    if (!store) {
        if (store.error().code == ErrorCode::not_found) return std::nullopt;
        return std::unexpected(store.error());
    }
    if (store->side != sqlite::MyposSide::provider) return std::nullopt;
    auto key = find_key(context, *store_id, *index);
    if (!key) {
        if (key.error().code == ErrorCode::not_found) return std::nullopt;
        return std::unexpected(std::move(key).error());
    }
    SIGNET_ASSIGN(const bool right, verify(*key, message));
    if (!right) return std::nullopt;
    return std::optional(*std::move(key));
}

}  // namespace

Answer sign_message(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto message, read_message(exchange));
    if (message.signature)
        return fail(ErrorCode::invalid_argument, "Signature: the message to sign must not have one yet");
    if (message.fields.empty()) return fail(ErrorCode::invalid_argument, "the message has no fields");
    SIGNET_ASSIGN(const auto key, key_of(context, exchange));
    SIGNET_ASSIGN(const auto made, sign(context, exchange, "mypos.sign", key, message));
    JsonWriter json(1024 + exchange.body().size());
    json.begin_object();
    json.member("signature", made.signature);
    // The body as it can be posted.
    if (is_form(exchange))
        json.member("form", exchange.body() + "&Signature=" + http::percent_encode(made.signature));
    json.member("sid", key.store);
    json.member("index", key.index);
    json.member("audit", made.audit);
    json.end_object();
    return json_answer(json.take());
}

Answer verify_message(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto message, read_message(exchange));
    SIGNET_TRY(admit(context, exchange, exchange.parameter("sid")));
    SIGNET_ASSIGN(const auto key, key_of(context, exchange));
    SIGNET_ASSIGN(const bool valid, verify(key, message));
    if (!valid) failed(context, exchange, key.store);
    JsonWriter json;
    json.begin_object();
    json.member("valid", valid);
    json.member("sid", key.store);
    json.member("index", key.index);
    json.end_object();
    return json_answer(json.take());
}

// A merchant tries an SDK's configuration: what it sent comes back, signed with the key that it is to verify with. One refusal
// for an unknown store, an unknown key and a wrong signature.
Answer checkout(Context& context, Exchange& exchange) {
    SIGNET_ASSIGN(const auto message, read_message(exchange));
    const auto* store = message.find("SID");
    const std::string guessed = store == nullptr ? "" : store->substr(0, 64);
    SIGNET_TRY(admit(context, exchange, guessed));
    SIGNET_ASSIGN(const auto key, checkout_key(context, message));
    if (!key) {
        failed(context, exchange, guessed);
        return fail(ErrorCode::permission_denied, "the signature does not fit the store and its key");
    }
    Message echo;
    echo.fields = {{"Status", "0"}, {"StatusMsg", "Success"}};
    for (const auto& field : message.fields)
        if (!http::equal_ignoring_case(field.first, "Status") &&
            !http::equal_ignoring_case(field.first, "StatusMsg"))
            echo.fields.push_back(field);
    SIGNET_ASSIGN(const auto made, sign(context, exchange, "mypos.checkout", *key, echo));
    JsonWriter json(1024 + exchange.body().size());
    json.begin_object();
    for (const auto& [name, value] : echo.fields)
        json.member(name, value);
    json.member("Signature", made.signature);
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::mypos
