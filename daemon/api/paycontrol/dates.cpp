#include "daemon/api/paycontrol/dates.h"

namespace signet::api::paycontrol {
namespace {

constexpr std::size_t kDate = 10;      // yyyy-MM-dd
constexpr std::size_t kOffset = 6;     // " +0000"
constexpr std::size_t kShortest = 25;  // without decimals

}  // namespace

std::optional<SystemTime> parse_date(std::string_view text) {
    if (text.size() < kShortest || text[kDate] != ' ') return std::nullopt;
    const auto offset = text.substr(text.size() - kOffset);
    if (offset[0] != ' ' || (offset[1] != '+' && offset[1] != '-')) return std::nullopt;
    // RFC 3339 says the same with other signs between.
    std::string other(text.substr(0, kDate));
    other += 'T';
    other += text.substr(kDate + 1, text.size() - kDate - 1 - kOffset);
    other += offset.substr(1, 3);
    other += ':';
    other += offset.substr(4);
    return from_rfc3339(other);
}

std::string format_date(SystemTime time) {
    auto text = to_rfc3339(time);
    text[kDate] = ' ';
    text.pop_back();
    return text + " +0000";
}

}  // namespace signet::api::paycontrol
