#include "daemon/api/paycontrol/request_event.h"

#include <algorithm>

#include "base/digest.h"
#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/config/paycontrol.h"
#include "daemon/service/outbox.h"
#include "signet_version.h"

namespace signet::api::paycontrol {
namespace {

namespace events = sqlite::paycontrol_event_store;

constexpr std::size_t kMaxChain = 512;
constexpr std::size_t kMaxUrl = 2048;
constexpr int kApiVersion = 7;

struct HostPort {
    std::string_view host;
    std::string_view port;
};

// "192.0.2.1:4711" or "[2001:db8::1]:4711"; a Unix peer ("uid=1000 pid=77") has neither.
HostPort split_address(std::string_view address) {
    const auto colon = address.rfind(':');
    if (colon == std::string_view::npos) return {};
    auto host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return {host, address.substr(colon + 1)};
}

bool is_address(std::string_view text) {
    return !text.empty() && text.size() <= 45 && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' ||
               c == ':';
    });
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' '))
        text.remove_prefix(1);
    while (text.ends_with(' '))
        text.remove_suffix(1);
    return text;
}

std::string url_of(const Exchange& exchange) {
    const auto& request = exchange.request();
    const auto host = exchange.header("Host");
    const bool tls = exchange.peer().transport == http::Peer::Transport::tls;
    std::string url = tls ? "https://" : "http://";
    url += host.empty() || !is_utf8(host) ? "localhost" : host.substr(0, 256);
    url += request.target;
    url.resize(std::min(url.size(), kMaxUrl));
    return url;
}

std::string hash_of(const Exchange& exchange) {
    const auto& request = exchange.request();
    return to_hex(sha256(
        as_bytes(std::string(http::to_string(request.verb)) + " " + request.target + "\n" + request.body)));
}

std::string connection_of(const Exchange& exchange) {
    const auto from = split_address(exchange.peer().address);
    JsonWriter json;
    json.begin_object();
    json.key("dst");
    json.begin_object();
    json.member("listener", exchange.peer().listener);
    json.end_object();
    json.key("src");
    json.begin_object();
    if (from.host.empty()) {
        json.member("peer", exchange.peer().address);
    } else {
        json.member("port", from.port);
        json.member("ip", from.host);
    }
    json.end_object();
    json.end_object();
    return json.take();
}

std::string data_of(const RequestEvent& event) {
    if (event.current.empty() && event.previous.empty()) return {};
    JsonWriter json;
    json.begin_object();
    json.member_raw("current", event.current.empty() ? "{}" : std::string_view(event.current));
    json.member_raw("previous", event.previous.empty() ? "{}" : std::string_view(event.previous));
    json.end_object();
    return json.take();
}

void fill(sqlite::PcEvent& row, const RequestEvent& event) {
    row.event_id = event.event_id;
    row.system_id = event.system_id;
    row.user_id = event.user_id;
    row.transaction_id = event.transaction_id;
    row.operation_id = event.operation_id;
    row.session_id = event.session_id;
    row.device_event_id = event.device_event_id;
    row.device_time = event.device_time;
    row.device_info = event.device_info;
    row.device_fingerprint = event.device_fingerprint;
    row.key_index = event.key_index;
    row.request_type = event.request_type;
    row.event_data = data_of(event);
}

Status complete(Context& context, const RequestEvent& event, sqlite::Transaction& transaction) {
    sqlite::PcEvent row;
    fill(row, event);
    row.request_result = static_cast<std::uint32_t>(event.result);
    row.updated = context.now();
    return events::complete(transaction, row);
}

void text_member(JsonWriter& json, std::string_view name, const std::string& value) {
    if (!value.empty()) json.member(name, value);
}

// The mobile SDK sends JSON, others whatever they like.
void write_device_info(JsonWriter& json, const std::string& info) {
    if (info.empty()) return;
    if (info.starts_with('{') && JsonObject::parse(info))
        json.member_raw("device_info", info);
    else
        json.member("device_info", info);
}

}  // namespace

std::string address_chain(std::string_view forwarded_for, std::string_view peer) {
    std::string chain;
    const auto add = [&](std::string_view address) {
        if (!is_address(address) || chain.size() + address.size() > kMaxChain) return;
        if (!chain.empty()) chain += ", ";
        chain += address;
    };
    while (!forwarded_for.empty()) {
        const auto comma = forwarded_for.find(',');
        add(trimmed(forwarded_for.substr(0, comma)));
        if (comma == std::string_view::npos) break;
        forwarded_for.remove_prefix(comma + 1);
    }
    add(split_address(peer).host);
    return chain;
}

Result<std::int64_t> record_event(Context& context, const Exchange& exchange, const RequestEvent& event,
                                  Code result, sqlite::Transaction& transaction) {
    sqlite::PcEvent row;
    fill(row, event);
    row.request_url = url_of(exchange);
    row.request_hash = hash_of(exchange);
    row.request_hmac = event.request_hmac;
    row.requester_ip = address_chain(exchange.header("X-Forwarded-For"), exchange.peer().address);
    row.connection_info = connection_of(exchange);
    row.request_result = static_cast<std::uint32_t>(result);
    row.instance = context.settings()->instance;
    row.version = SIGNET_VERSION;
    row.created = context.now();
    row.updated = row.created;
    return events::insert(transaction, row);
}

Status finish_event(Context& context, const RequestEvent& event, sqlite::Transaction& transaction) {
    SIGNET_TRY(complete(context, event, transaction));
    if (event.system_id.empty()) return {};
    SIGNET_ASSIGN(const auto system,
                  sqlite::paycontrol_system_store::find(transaction.db(), event.system_id));
    if (!system || system->events_post_url.empty()) return {};
    SIGNET_ASSIGN(const auto row, events::find(transaction.db(), event.event_id));
    JsonWriter json(2048);
    json.begin_object();
    json.key("events_to_post_list");
    json.begin_array();
    write_event(json, *row);
    json.end_array();
    json.end_object();
    sqlite::OutboxMessage message;
    message.destination = "paycontrol.event " + system->system_id;
    message.kind = "paycontrol.event";
    message.url = system->events_post_url;
    message.body = to_bytes(json.view());
    SIGNET_TRY(context.services.outbox.enqueue(transaction, std::move(message)));
    return {};
}

Result<std::string> event_json(Context& context, const RequestEvent& event,
                               sqlite::Transaction& transaction) {
    SIGNET_TRY(complete(context, event, transaction));
    SIGNET_ASSIGN(const auto row, events::find(transaction.db(), event.event_id));
    JsonWriter json(2048);
    write_event(json, *row);
    return json.take();
}

void write_event(JsonWriter& json, const sqlite::PcEvent& event) {
    json.begin_object();
    json.member("event_id", event.event_id);
    text_member(json, "user_id", event.user_id);
    text_member(json, "transaction_id", event.transaction_id);
    text_member(json, "operation_id", event.operation_id);
    text_member(json, "session_id", event.session_id);
    text_member(json, "device_event_id", event.device_event_id);
    if (event.device_time) json.member("device_time", *event.device_time);
    text_member(json, "request_hash", event.request_hash);
    text_member(json, "request_hmac", event.request_hmac);
    json.member("request_type", event.request_type);
    write_device_info(json, event.device_info);
    json.member("requester_ip_address", event.requester_ip);
    json.member("request_result", event.request_result);
    text_member(json, "event_data", event.event_data);
    json.member("created_at", to_unix_ms(event.created));
    json.member("updated_at", to_unix_ms(event.updated));
    json.member("request_url", event.request_url);
    json.member("pc_instance_name", event.instance);
    json.key("pc_version");
    json.begin_object();
    json.member("pc_version", event.version);
    json.member("product", "PC Server");
    json.member("pc_api_version", kApiVersion);
    json.end_object();
    text_member(json, "system_id", event.system_id);
    json.member_raw("connection_info",
                    event.connection_info.empty() ? "{}" : std::string_view(event.connection_info));
    if (event.key_index) json.member("key_index", *event.key_index);
    text_member(json, "device_fingerprint", event.device_fingerprint);
    json.end_object();
}

}  // namespace signet::api::paycontrol
