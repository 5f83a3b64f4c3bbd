#include "daemon/api/paycontrol/callbacks.h"

#include "daemon/api/json.h"
#include "daemon/api/paycontrol/push.h"
#include "daemon/api/paycontrol/request_event.h"
#include "daemon/config/paycontrol.h"
#include "daemon/service/keys.h"
#include "daemon/service/outbox.h"
#include "daemon/service/signing.h"

namespace signet::api::paycontrol {
namespace {

using sqlite::PcOutcome;

constexpr int kCallbackVersion = 3;
constexpr std::uint32_t kCollectEvents = 1U << 1;
constexpr std::chrono::seconds kSigningTime{10};

void text_member(JsonWriter& json, std::string_view name, const std::string& value) {
    if (!value.empty()) json.member(name, value);
}

void write_confirmation(JsonWriter& json, const Ending& ending) {
    const bool automatic = ending.outcome == PcOutcome::autosigned;
    json.key(automatic ? "autosign" : "confirmation");
    json.begin_object();
    text_member(json, "confirm_code", ending.confirm_code);
    text_member(json, "signature", ending.signature);
    text_member(json, "gost_imit", ending.gost_imit);
    if (!ending.scoring.results.empty())
        json.member_raw("scoring", ending.scoring.results);
    else if (automatic)
        json.member_raw("scoring", "{}");
    json.end_object();
}

void write_ending(JsonWriter& json, const Ending& ending) {
    json.member("transaction_id", ending.transaction.transaction_id);
    json.member("check_time", ending.check_time);
    switch (ending.outcome) {
        case PcOutcome::none:
            break;
        case PcOutcome::confirmed:
        case PcOutcome::autosigned:
            write_confirmation(json, ending);
            break;
        case PcOutcome::declined:
            json.key("declanation");
            json.begin_object();
            json.member("decline_reason", ending.reason);
            text_member(json, "decline_code", ending.decline_code);
            json.end_object();
            break;
        case PcOutcome::canceled:
        case PcOutcome::timed_out:
            json.key("cancelation");
            json.begin_object();
            json.member("reason",
                        ending.outcome == PcOutcome::timed_out ? std::string("time out") : ending.reason);
            json.end_object();
            break;
    }
}

// A detached JWS (RFC 7515 appendix F) over the body, so that receivers can tell our callbacks from others'.
Status sign_callback(Context& context, sqlite::OutboxMessage& message) {
    const auto label = context.settings()->callback_key;
    if (label.empty()) return {};
    auto& services = context.services;
    SIGNET_ASSIGN(const auto key, services.keys.active(label, KeyUsage::sign));
    SIGNET_ASSIGN(const auto algorithm, service::choose_algorithm(*key, std::nullopt));
    SIGNET_ASSIGN(const auto signed_body, services.signing.jws(service::system_caller(kSigningTime), key,
                                                               algorithm, message.body, {}));
    const auto& compact = signed_body.text;
    message.headers += "X-JWS-Signature: " + compact.substr(0, compact.find('.') + 1) +
                       compact.substr(compact.rfind('.')) + "\r\n";
    return {};
}

}  // namespace

void register_deliveries(Context& context) {
    auto& outbox = context.services.outbox;
    outbox.add_kind("paycontrol.callback", {.prepare = [&context](sqlite::OutboxMessage& message) {
                        return sign_callback(context, message);
                    }});
    outbox.add_kind("paycontrol.event", {});
    register_pushers(context);
}

Status enqueue_callback(Context& context, sqlite::Transaction& transaction, std::string_view url,
                        std::string_view type, std::string_view object) {
    if (url.empty()) return {};
    JsonWriter json(object.size() + 256);
    json.begin_object();
    json.key("pc_callback");
    json.begin_object();
    json.member("type", type);
    json.member_raw("result", result_json(Code::normal, describe(Code::normal).text));
    json.member("version", kCallbackVersion);
    json.member_raw(type, object);
    json.end_object();
    json.end_object();
    sqlite::OutboxMessage message;
    message.destination = "paycontrol.callback " + std::string(url);
    message.kind = "paycontrol.callback";
    message.url = url;
    message.body = to_bytes(json.view());
    SIGNET_TRY(context.services.outbox.enqueue(transaction, std::move(message)));
    return {};
}

Status enqueue_user_callback(Call& call, sqlite::Transaction& transaction,
                             const sqlite::PayControlSystem& system, std::string_view member,
                             std::string_view json) {
    if (system.callback_url.empty()) return {};
    SIGNET_ASSIGN(const auto event, embedded_event(call, transaction));
    JsonWriter out(json.size() + event.size() + 256);
    out.begin_object();
    out.member("user_id", call.event.user_id);
    out.member_raw(member, json);
    if (!event.empty()) out.member_raw("event", event);
    out.end_object();
    return enqueue_callback(call.context, transaction, system.callback_url, "user_callback", out.view());
}

std::string transaction_callback(const Ending& ending, const std::string& event) {
    JsonWriter json(512 + event.size());
    json.begin_object();
    write_ending(json, ending);
    if (!event.empty()) json.member_raw("event", event);
    json.end_object();
    return json.take();
}

std::string operation_callback(const sqlite::PcOperation& operation, const std::vector<Ending>& endings,
                               const std::string& event) {
    JsonWriter json(512 * (endings.size() + 1) + event.size());
    json.begin_object();
    json.member("operation_id", operation.operation_id);
    json.key("transactions");
    json.begin_array();
    for (const auto& ending : endings) {
        json.begin_object();
        write_ending(json, ending);
        json.member_raw("result", result_json(ending.result, ending.result == Code::normal
                                                                 ? describe(Code::normal).text
                                                                 : std::string_view(ending.message)));
        json.end_object();
    }
    json.end_array();
    json.member("status", to_string(operation.status));
    if (!event.empty()) json.member_raw("event", event);
    json.end_object();
    return json.take();
}

Result<std::string> embedded_event(Call& call, sqlite::Transaction& transaction) {
    if (!call.context.settings()->collect_events) return std::string();
    auto& db = transaction.db();
    SIGNET_ASSIGN(const auto user, sqlite::paycontrol_user_store::find(db, call.event.user_id));
    if (!user) return std::string();
    SIGNET_ASSIGN(const auto key, sqlite::paycontrol_user_store::find_key(db, user->active_key));
    if (!key || (key->flags & kCollectEvents) == 0) return std::string();
    return event_json(call.context, call.event, transaction);
}

std::string_view to_string(sqlite::PcOperationStatus status) {
    switch (status) {
        case sqlite::PcOperationStatus::initialized:
            return "initialized";
        case sqlite::PcOperationStatus::push_sent:
            return "push_sent";
        case sqlite::PcOperationStatus::processed_partially:
            return "processed_partially";
        case sqlite::PcOperationStatus::processed:
            return "processed";
    }
    return "initialized";
}

}  // namespace signet::api::paycontrol
