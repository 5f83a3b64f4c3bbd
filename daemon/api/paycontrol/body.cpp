#include "daemon/api/paycontrol/body.h"

#include <boost/json/value.hpp>
#include <charconv>

#include "base/encoding.h"

namespace signet::api::paycontrol {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// "application/json", "text/json;charset=UTF-8", "application/vnd.x+json".
bool is_json_type(std::string_view content_type) {
    auto type = content_type.substr(0, content_type.find(';'));
    while (!type.empty() && is_space(type.back()))
        type.remove_suffix(1);
    if (http::equal_ignoring_case(type, "application/json") || http::equal_ignoring_case(type, "text/json"))
        return true;
    constexpr std::string_view kSuffix = "+json";
    return type.size() > kSuffix.size() &&
           http::equal_ignoring_case(type.substr(type.size() - kSuffix.size()), kSuffix);
}

std::unexpected<Failure> incorrect(std::string_view why) {
    return fail(Code::json_request_incorrect, why);
}

template <class T>
Outcome<T> checked(Result<T> value) {
    if (value) return *std::move(value);
    return incorrect(value.error().message);
}

}  // namespace

std::string without_trailing_commas(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    bool quoted = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (quoted) {
            out += c;
            if (c == '\\' && i + 1 < json.size())
                out += json[++i];
            else if (c == '"')
                quoted = false;
            continue;
        }
        if (c == '"') quoted = true;
        if (c == ',') {
            auto next = i + 1;
            while (next < json.size() && is_space(json[next]))
                ++next;
            if (next < json.size() && (json[next] == '}' || json[next] == ']')) continue;
        }
        out += c;
    }
    return out;
}

Outcome<JsonObject> parse_body(std::string_view text) {
    if (text.empty()) text = "{}";
    auto parsed = JsonObject::parse(text);
    if (!parsed && is_utf8(text)) {
        // `[,]` and `{,}` lose their comma, too; nothing is read into them.
        if (auto lenient = JsonObject::parse(without_trailing_commas(text))) return *std::move(lenient);
    }
    return checked(std::move(parsed));
}

Outcome<JsonObject> read_body(const Exchange& exchange) {
    if (!exchange.body().empty() && exchange.peer().transport != http::Peer::Transport::unix_socket &&
        !is_json_type(exchange.header("Content-Type")))
        return incorrect("send the body as JSON, with Content-Type: application/json");
    return parse_body(exchange.body());
}

Outcome<std::string> required_text(const JsonObject& body, std::string_view name, Code missing,
                                   std::size_t max_bytes) {
    SIGNET_ASSIGN(auto text, text_or_empty(body, name, max_bytes));
    if (text.empty()) return fail(missing);
    return text;
}

Outcome<std::string> text_or_empty(const JsonObject& body, std::string_view name, std::size_t max_bytes) {
    SIGNET_ASSIGN(const auto text, checked(body.optional_text(name, max_bytes)));
    return std::string(text.value_or(std::string_view{}));
}

Outcome<bool> flag_of(const JsonObject& body, std::string_view name, bool otherwise) {
    SIGNET_ASSIGN(const auto flag, checked(body.optional_boolean(name)));
    return flag.value_or(otherwise);
}

Outcome<std::optional<std::int64_t>> number_of(const JsonObject& body, std::string_view name,
                                               std::int64_t low, std::int64_t high) {
    if (const auto* found = body.raw().if_contains(name); found != nullptr && found->is_string()) {
        const std::string_view text = found->get_string();
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
            return incorrect(std::string(name) + ": expected a number from " + std::to_string(low) + " to " +
                             std::to_string(high));
        return value;
    }
    return checked(body.optional_integer(name, low, high));
}

}  // namespace signet::api::paycontrol
