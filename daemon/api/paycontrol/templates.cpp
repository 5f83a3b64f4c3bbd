#include "daemon/api/paycontrol/templates.h"

#include <algorithm>

namespace signet::api::paycontrol {

std::string fill_template(std::string_view text, Variables variables) {
    std::string out;
    out.reserve(text.size() + 256);
    while (!text.empty()) {
        const auto at = text.find('%');
        out += text.substr(0, at);
        if (at == std::string_view::npos) break;
        text.remove_prefix(at);
        const auto found = std::ranges::find_if(variables, [&](const auto& variable) {
            const auto& name = variable.first;
            return text.size() >= name.size() + 2 && text.substr(1, name.size()) == name &&
                   text[name.size() + 1] == '%';
        });
        if (found == variables.end()) {
            out += '%';
            text.remove_prefix(1);
            continue;
        }
        out += found->second;
        text.remove_prefix(found->first.size() + 2);
    }
    return out;
}

std::string url_encoded(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size() * 3);
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
    return out;
}

}  // namespace signet::api::paycontrol
