// Chapter Events: registering what happened on a device, looking at what was asked, and cleaning up.
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "daemon/api/json.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/dates.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/api/paycontrol/request_event.h"
#include "daemon/api/paycontrol/routes.h"
#include "daemon/config/paycontrol.h"
#include "daemon/service/details.h"
#include "sqlite/paycontrol_event_store.h"
#include "sqlite/read_pool.h"

namespace signet::api::paycontrol {
namespace {

namespace store = sqlite::paycontrol_event_store;

constexpr std::size_t kPage = 200;
constexpr std::size_t kSmall = 8192;
constexpr std::size_t kEventBody = std::size_t{128} << 10;
constexpr std::size_t kMaxDeviceInfo = std::size_t{64} << 10;
constexpr std::int64_t kMaxNumber = std::int64_t{1} << 53;

// The device's own part of an event.
Outcome<void> read_device_part(const JsonObject& body, RequestEvent& event) {
    SIGNET_ASSIGN(const auto part, body.optional_object("event"));
    if (!part) return {};
    SIGNET_ASSIGN(event.device_event_id, text_or_empty(*part, "device_event_id", 256));
    SIGNET_ASSIGN(event.session_id, text_or_empty(*part, "session_id", 256));
    SIGNET_ASSIGN(event.device_time, number_of(*part, "device_time", 0, kMaxNumber));
    const auto* const info = part->raw().if_contains("device_info");
    if (info != nullptr && info->is_object()) {
        SIGNET_ASSIGN(event.device_info, part->serialized("device_info"));
    } else {
        SIGNET_ASSIGN(event.device_info, text_or_empty(*part, "device_info", kMaxDeviceInfo));
    }
    if (event.device_info.size() > kMaxDeviceInfo)
        return fail(Code::json_request_incorrect, "device_info: over 64 KiB");
    return {};
}

std::string event_info(const RequestEvent& event) {
    JsonWriter json(512 + event.device_info.size());
    json.begin_object();
    if (!event.device_event_id.empty()) json.member("device_event_id", event.device_event_id);
    if (!event.device_info.empty()) json.member("device_info", event.device_info);
    json.member("event_id", event.event_id);
    json.member("request_type", event.request_type);
    json.member("user_id", event.user_id);
    if (!event.session_id.empty()) json.member("session_id", event.session_id);
    if (event.device_time) json.member("device_time", *event.device_time);
    json.end_object();
    return json.take();
}

// `key_deleted`: the device has no key any more, so pushes to it end. Only to the address it names: a user may have another
// device by now.
Outcome<void> forget_push_address(const JsonObject& body, sqlite::PayControlUser user, SystemTime now,
                                  sqlite::Transaction& transaction) {
    SIGNET_ASSIGN(const auto address, body.optional_object("push_address"));
    if (!address) return fail(Code::push_id_is_null);
    SIGNET_ASSIGN(const auto type, required_text(*address, "device_type", Code::device_type_is_null, 32));
    SIGNET_ASSIGN(const auto push_id, required_text(*address, "device_push_id", Code::push_id_is_null, 1024));
    // As it is now: it may have changed since the request was read.
    SIGNET_ASSIGN(const auto fresh, sqlite::paycontrol_user_store::find(transaction.db(), user.user_id));
    if (!fresh || fresh->device_type != type || fresh->device_push_id != push_id)
        return fail(Code::push_not_found);
    user = *fresh;
    user.device_type.clear();
    user.device_push_id.clear();
    user.app_id.clear();
    user.updated = now;
    SIGNET_TRY(sqlite::paycontrol_user_store::update(transaction, user));
    return {};
}

Outcome<Reply> register_event(Call& call) {
    SIGNET_ASSIGN(const auto found, user_of(call, Need::present));
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto type, required_text(body, "event_type", Code::json_request_incorrect, 128));
    SIGNET_TRY(read_device_part(body, call.event));
    call.event.request_type = type;
    SIGNET_TRY(call.commit("paycontrol/" + found.system.system_id + "/" + found.user.user_id + "/event",
                           service::Details().add("type", type),
                           [&](sqlite::Transaction& transaction) -> Outcome<void> {
                               if (type != "key_deleted") return {};
                               return forget_push_address(body, found.user, call.context.now(), transaction);
                           }));
    return Reply{"event_info", event_info(call.event)};
}

Outcome<Reply> get_event(Call& call) {
    const auto& text = call.exchange.parameter("event");
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc{} || end != text.data() + text.size()) return fail(Code::no_result);
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(const auto event, store::find(*db, id));
    if (!event) return fail(Code::no_result);
    JsonWriter json(2048);
    write_event(json, *event);
    return Reply{"event_info", json.take()};
}

Outcome<std::optional<std::string>> text_filter(const JsonObject& body, std::string_view name) {
    SIGNET_ASSIGN(auto text, text_or_empty(body, name, 256));
    if (text.empty()) return std::nullopt;
    return text;
}

Outcome<std::optional<SystemTime>> date_filter(const JsonObject& body, std::string_view name) {
    SIGNET_ASSIGN(const auto text, text_or_empty(body, name, 64));
    if (text.empty()) return std::nullopt;
    const auto date = parse_date(text);
    if (!date)
        return fail(Code::json_request_incorrect,
                    std::string(name) + ": expected a date such as 2020-07-06 22:12:22.0 +0000");
    return date;
}

// `cleaning` knows fewer filters; what it does not know must not make it clean more than was meant.
Outcome<sqlite::PcEventFilter> read_filter(const JsonObject& body, bool cleaning) {
    sqlite::PcEventFilter filter;
    SIGNET_ASSIGN(filter.system_id, text_filter(body, "system_id"));
    SIGNET_ASSIGN(filter.user_id, text_filter(body, "user_id"));
    SIGNET_ASSIGN(filter.transaction_id, text_filter(body, "transaction_id"));
    SIGNET_ASSIGN(filter.operation_id, text_filter(body, "operation_id"));
    SIGNET_ASSIGN(filter.instance, text_filter(body, "pc_instance_name"));
    SIGNET_ASSIGN(filter.session_id, text_filter(body, "session_id"));
    SIGNET_ASSIGN(filter.request_type, text_filter(body, "request_type"));
    SIGNET_ASSIGN(filter.request_result, number_of(body, "request_result", 0, 100'000));
    SIGNET_ASSIGN(filter.requester_ip, text_filter(body, "requester_ip"));
    SIGNET_ASSIGN(filter.from, date_filter(body, "date_from"));
    SIGNET_ASSIGN(filter.to, date_filter(body, "date_to"));
    if (!cleaning && body.has("is_cleaned")) {
        SIGNET_ASSIGN(filter.cleaned, flag_of(body, "is_cleaned"));
    }
    return filter;
}

std::string page(const std::vector<sqlite::PcEvent>& events, std::uint64_t total, std::uint64_t from) {
    JsonWriter json(1024 * (events.size() + 1));
    json.begin_object();
    json.key("events_to_post_list");
    json.begin_array();
    for (const auto& event : events)
        write_event(json, event);
    json.end_array();
    json.member("total_count", total);
    json.member("from", from);
    json.member("to", from + events.size());
    json.end_object();
    return json.take();
}

Outcome<std::uint64_t> read_from(const JsonObject& body) {
    SIGNET_ASSIGN(const auto from, number_of(body, "from", 0, kMaxNumber));
    return static_cast<std::uint64_t>(from.value_or(0));
}

Outcome<Reply> get_events(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto filter, read_filter(body, false));
    SIGNET_ASSIGN(const auto from, read_from(body));
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(const auto events, store::list(*db, filter, from, kPage));
    SIGNET_ASSIGN(const auto total, store::count(*db, filter));
    return Reply{"events", page(events, total, from)};
}

Outcome<Reply> clean_events(Call& call) {
    if (!call.context.settings()->clean_events) return fail(Code::events_removement_is_not_allowed);
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto filter, read_filter(body, true));
    SIGNET_ASSIGN(const auto from, read_from(body));
    std::vector<sqlite::PcEvent> events;
    std::uint64_t total = 0;
    SIGNET_TRY(call.commit("paycontrol/events", service::Details().add("from", from),
                           [&](sqlite::Transaction& transaction) -> Outcome<void> {
                               // The event of this very request was just recorded; it is none of those meant.
                               SIGNET_ASSIGN(events, store::list(transaction.db(), filter, from, kPage));
                               std::erase_if(events, [&](const auto& event) {
                                   return event.event_id == call.event.event_id;
                               });
                               SIGNET_ASSIGN(total, store::count(transaction.db(), filter));
                               std::vector<std::int64_t> ids;
                               for (auto& event : events) {
                                   ids.push_back(event.event_id);
                                   event.device_info.clear();
                                   event.event_data.clear();
                                   event.connection_info.clear();
                               }
                               SIGNET_TRY(store::clean(transaction, ids, call.context.now()));
                               return {};
                           }));
    return Reply{"cleaned_events", page(events, total, from)};
}

}  // namespace

std::vector<Row> event_rows() {
    using enum http::Verb;
    // clang-format off
    return {
        {post, "/{system}/users/{user}/events", "paycontrol.events.register", For::both, kEventBody, "register_event", register_event, "Register an event"},
        {get, "/events/{event}", "paycontrol.events.read", For::applications, 0, "get_event", get_event, "An event"},
        {post, "/events", "paycontrol.events.read", For::applications, kSmall, "get_events", get_events, "Events by filter, 200 a page"},
        {del, "/events", "paycontrol.events.clean", For::applications, kSmall, "clean_events", clean_events, "Take large fields away from events"},
    };
    // clang-format on
}

}  // namespace signet::api::paycontrol
