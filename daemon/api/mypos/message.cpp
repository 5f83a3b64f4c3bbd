#include "daemon/api/mypos/message.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "base/encoding.h"
#include "daemon/api/json.h"
#include "daemon/http/form.h"
#include "daemon/http/message.h"

namespace signet::api::mypos {
namespace {

namespace json = boost::json;

constexpr std::string_view kSignature = "Signature";
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kLongestEntity = 10;

std::unexpected<Error> malformed(std::string why) {
    return fail(ErrorCode::invalid_argument, std::move(why));
}

Status add(Message& message, std::string_view name, std::string value) {
    if (name.size() > kMaxName) return malformed("a field's name has over 256 bytes");
    if (http::equal_ignoring_case(name, kSignature)) {
        if (message.signature) return malformed("Signature was sent more than once");
        message.signature = std::move(value);
        return {};
    }
    if (message.fields.size() == kMaxFields)
        return fail(ErrorCode::too_large, "the message has over " + std::to_string(kMaxFields) + " fields");
    message.fields.emplace_back(name, std::move(value));
    return {};
}

// `nested`: below the top, where a member named Signature is a value like any other.
Status flatten(Message& message, std::string_view name, const json::value& value, bool nested) {
    if (value.is_array() || value.is_object()) {
        if (!nested && http::equal_ignoring_case(name, kSignature))
            return malformed("Signature: expected base64 text");
        if (value.is_array()) {
            for (const auto& item : value.get_array())
                SIGNET_TRY(flatten(message, {}, item, true));
        } else {
            for (const auto& [key, item] : value.get_object())
                SIGNET_TRY(flatten(message, {}, item, true));
        }
        return {};
    }
    std::string text;
    if (value.is_string())
        text = value.get_string();
    else if (value.is_int64())
        text = std::to_string(value.get_int64());
    else if (value.is_uint64())
        text = std::to_string(value.get_uint64());
    else
        return malformed("the field '" + std::string(name) +
                         "': expected text or a whole number; a decimal number goes as text, because its "
                         "digits are signed");
    return add(message, name, std::move(text));
}

// UTF-8 of a code point; empty for what is none.
std::string utf8(std::uint32_t code) {
    std::string out;
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return out;
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
    return out;
}

// What stands between '&' and ';'; empty when it is no entity that we replace.
std::string entity(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kNamed{
        {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}}};
    for (const auto& [known, text] : kNamed)
        if (known == name) return std::string(text);
    if (!name.starts_with('#')) return {};
    name.remove_prefix(1);
    int base = 10;
    if (name.starts_with('x') || name.starts_with('X')) {
        base = 16;
        name.remove_prefix(1);
    }
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), code, base);
    if (name.empty() || error != std::errc{} || end != name.data() + name.size()) return {};
    return utf8(code);
}

std::string joined(const std::vector<std::pair<std::string, std::string>>& fields, bool unescape) {
    std::string out;
    bool first = true;
    for (const auto& [name, value] : fields) {
        if (!first) out += '-';
        first = false;
        out += unescape ? html_unescaped(value) : value;
    }
    return out;
}

}  // namespace

const std::string* Message::find(std::string_view name) const {
    const auto at = std::ranges::find_if(
        fields, [&](const auto& field) { return http::equal_ignoring_case(field.first, name); });
    return at == fields.end() ? nullptr : &at->second;
}

Result<Message> read_form(std::string_view body) {
    if (body.size() > kMaxMessage) return fail(ErrorCode::too_large, "the message has over 256 KiB");
    SIGNET_ASSIGN(const auto form,
                  http::Form::parse(body, {.fields = kMaxFields + 1, .name_bytes = kMaxName}));
    Message message;
    for (const auto& [name, value] : form.fields())
        SIGNET_TRY(add(message, name, value));
    return message;
}

Result<Message> read_json(std::string_view body) {
    if (body.size() > kMaxMessage) return fail(ErrorCode::too_large, "the message has over 256 KiB");
    SIGNET_ASSIGN(const auto document, JsonDocument::parse(body));
    const auto& value = document.value();
    Message message;
    if (value.is_object()) {
        for (const auto& [name, item] : value.get_object())
            SIGNET_TRY(flatten(message, name, item, false));
        return message;
    }
    if (!value.is_array()) return malformed("expected an array of [name, value] pairs");
    for (const auto& pair : value.get_array()) {
        if (!pair.is_array() || pair.get_array().size() != 2 || !pair.get_array()[0].is_string())
            return malformed("expected an array of [name, value] pairs");
        const auto& name = pair.get_array()[0].get_string();
        SIGNET_TRY(flatten(message, std::string_view(name.data(), name.size()), pair.get_array()[1], false));
    }
    return message;
}

std::string canonical(const Message& message) {
    return to_base64(as_bytes(joined(message.fields, false)));
}

std::optional<std::string> canonical_unescaped(const Message& message) {
    auto text = joined(message.fields, true);
    if (text == joined(message.fields, false)) return std::nullopt;
    return to_base64(as_bytes(text));
}

std::string html_unescaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto ampersand = text.find('&');
        out += text.substr(0, ampersand);
        if (ampersand == std::string_view::npos) break;
        text.remove_prefix(ampersand);
        const auto end = text.find(';');
        const auto replaced = end == std::string_view::npos || end > kLongestEntity
                                  ? std::string()
                                  : entity(text.substr(1, end - 1));
        out += replaced.empty() ? std::string_view("&") : std::string_view(replaced);
        text.remove_prefix(replaced.empty() ? 1 : end + 1);
    }
    return out;
}

}  // namespace signet::api::mypos
