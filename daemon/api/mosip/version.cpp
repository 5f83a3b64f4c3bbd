#include "daemon/api/mosip/version.h"

#include <algorithm>
#include <utility>

namespace signet::api::mosip {
namespace {

std::string_view take_part(std::string_view& rest) {
    const auto end = rest.find_first_of(".-+_");
    const auto part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return part;
}

std::string_view significant(std::string_view part) {
    const bool number =
        !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    if (part.empty() || number) part.remove_prefix(std::min(part.find_first_not_of('0'), part.size()));
    return part;
}

bool is_number(std::string_view part) {
    return std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_older(std::string_view version, std::string_view than) {
    if (version.empty() || than.empty()) return version.empty() && !than.empty();
    while (!version.empty() || !than.empty()) {
        const auto a = significant(take_part(version));
        const auto b = significant(take_part(than));
        if (a == b) continue;
        if (is_number(a) && is_number(b)) return std::pair(a.size(), a) < std::pair(b.size(), b);
        return a < b;
    }
    return false;
}

}  // namespace signet::api::mosip
