#include "daemon/http/form.h"

#include <algorithm>

#include "base/encoding.h"

namespace signet::http {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

bool decode(std::string_view text, bool plus_is_space, std::string& out) {
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            out += ' ';
        } else if (text[i] == '%') {
            if (text.size() - i < 3) return false;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return false;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return true;
}

// One side of a field: decoded, bounded, text.
Result<std::string> decode_part(std::string_view raw, std::size_t max_bytes) {
    for (const char c : raw)
        if (static_cast<unsigned char>(c) < 0x21 || c == 0x7F)
            return fail(ErrorCode::invalid_argument,
                        "the form has a raw control character or space; percent-encode it");
    if (raw.size() > max_bytes * 3) return fail(ErrorCode::too_large, "a form field is too long");
    std::string out;
    if (!decode(raw, true, out))
        return fail(ErrorCode::invalid_argument, "the form has a '%' that no two hex digits follow");
    if (out.size() > max_bytes) return fail(ErrorCode::too_large, "a form field is too long");
    if (out.find('\0') != std::string::npos || !is_utf8(out))
        return fail(ErrorCode::invalid_argument, "a form field is not UTF-8 text");
    return out;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text) {
    std::string out;
    if (!decode(text, false, out))
        return fail(ErrorCode::invalid_argument, "a '%' must be followed by two hex digits");
    return out;
}

std::string percent_encode(std::string_view text) {
    static constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kDigits[byte >> 4];
            out += kDigits[byte & 0x0F];
        }
    }
    return out;
}

Result<Form> Form::parse(std::string_view text, const FormLimits& limits) {
    Form form;
    while (!text.empty()) {
        const auto end = text.find('&');
        const auto field = text.substr(0, end);
        const auto equals = field.find('=');
        if (equals == std::string_view::npos)
            return fail(ErrorCode::invalid_argument, "a form field has no '='; send name=value");
        if (form.fields_.size() == limits.fields)
            return fail(ErrorCode::too_large,
                        "the form has over " + std::to_string(limits.fields) + " fields");
        SIGNET_ASSIGN(auto name, decode_part(field.substr(0, equals), limits.name_bytes));
        if (name.empty()) return fail(ErrorCode::invalid_argument, "a form field has no name");
        SIGNET_ASSIGN(auto value, decode_part(field.substr(equals + 1), limits.value_bytes));
        form.fields_.emplace_back(std::move(name), std::move(value));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
        if (text.empty()) return fail(ErrorCode::invalid_argument, "the form ends with '&'");
    }
    return form;
}

const std::string* Form::find(std::string_view name) const {
    const auto at = std::ranges::find_if(fields_, [&](const auto& field) { return field.first == name; });
    return at == fields_.end() ? nullptr : &at->second;
}

std::size_t Form::count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(fields_, [&](const auto& field) { return field.first == name; }));
}

Result<std::string_view> Form::required(std::string_view name) const {
    const auto* value = find(name);
    if (value == nullptr)
        return fail(ErrorCode::invalid_argument, "the field '" + std::string(name) + "' is missing");
    if (count(name) > 1)
        return fail(ErrorCode::invalid_argument,
                    "the field '" + std::string(name) + "' was sent more than once");
    return *value;
}

}  // namespace signet::http
