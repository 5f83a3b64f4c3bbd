#include "policy/glob.h"

#include <cstddef>

namespace signet::policy {
namespace {

char fold_ascii(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Goes back to the last `*` only: what an earlier one could take as well, the last one can too, unless it
// would have to cross a separator, and then the earlier one would have to as well.
template <bool kWithin, bool kFold>
bool match(std::string_view pattern, std::string_view text, char separator) {
    constexpr auto kNone = std::string_view::npos;
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = kNone;  // just after the last `*`
    std::size_t taken = 0;     // where in the text that `*` ends
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            taken = t;
        } else if (p < pattern.size() &&
                   (kFold ? fold_ascii(pattern[p]) == fold_ascii(text[t]) : pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != kNone && !(kWithin && text[taken] == separator)) {
            p = star;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
    return match<false, false>(pattern, text, '\0');
}

bool glob_match_within(std::string_view pattern, std::string_view text, char separator) {
    return match<true, false>(pattern, text, separator);
}

bool san_match(std::string_view pattern, std::string_view san) {
    const auto colon = san.find(':');
    if (colon == std::string_view::npos || pattern.substr(0, colon + 1) != san.substr(0, colon + 1))
        return false;
    const auto kind = san.substr(0, colon);
    const auto rest = pattern.substr(colon + 1);
    const auto value = san.substr(colon + 1);
    if (kind == "dns") return match<true, true>(rest, value, '.');
    if (kind == "uri") return match<true, false>(rest, value, '/');
    if (kind == "email") return match<true, false>(rest, value, '@');
    return rest == value;
}

}  // namespace signet::policy
