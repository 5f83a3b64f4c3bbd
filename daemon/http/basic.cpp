#include "daemon/http/basic.h"

#include <algorithm>

#include "base/encoding.h"

namespace signet::http {
namespace {

constexpr std::size_t kMaxPart = 256;
constexpr std::size_t kMaxToken = 8192;

// What follows the scheme; nullopt when it is another one.
std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme) {
    if (value.size() <= scheme.size() || value[scheme.size()] != ' ' ||
        !equal_ignoring_case(value.substr(0, scheme.size()), scheme))
        return std::nullopt;
    value.remove_prefix(scheme.size());
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    return value;
}

bool has_control(std::string_view text) {
    return std::ranges::any_of(text,
                               [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool is_token_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~' || c == '+' || c == '/';
}

}  // namespace

std::optional<BasicCredentials> parse_basic(std::string_view value) {
    const auto encoded = after_scheme(value, "Basic");
    // Four characters for three bytes.
    if (!encoded || encoded->size() > (2 * kMaxPart + 3) / 3 * 4) return std::nullopt;
    auto decoded = from_base64(*encoded);
    if (!decoded) return std::nullopt;
    std::optional<BasicCredentials> out;
    const auto text = as_text(*decoded);
    const auto colon = text.find(':');
    if (colon != std::string_view::npos && colon != 0 && colon <= kMaxPart && is_utf8(text) &&
        !has_control(text)) {
        const auto password = text.substr(colon + 1);
        if (!password.empty() && password.size() <= kMaxPart)
            out = BasicCredentials{std::string(text.substr(0, colon)), Secret::copy_of(password)};
    }
    wipe(*decoded);
    return out;
}

std::optional<std::string_view> parse_bearer(std::string_view value) {
    const auto token = after_scheme(value, "Bearer");
    if (!token || token->empty() || token->size() > kMaxToken) return std::nullopt;
    const auto padding = std::min(token->find_last_not_of('=') + 1, token->size());
    if (padding == 0 || !std::ranges::all_of(token->substr(0, padding), is_token_character))
        return std::nullopt;
    return token;
}

std::string_view authorization_of(const Headers& headers) {
    return headers.count("Authorization") == 1 ? headers.get("Authorization") : std::string_view{};
}

}  // namespace signet::http
