#include "policy/rule.h"

namespace signet::policy {

bool TimeWindow::contains(SystemTime time) const {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const auto minute = std::chrono::floor<std::chrono::minutes>(time - day);
    const auto includes = [this](std::chrono::sys_days on) {
        return (days >> (std::chrono::weekday{on}.iso_encoding() - 1) & 1U) != 0;
    };
    if (from < to) return includes(day) && minute >= from && minute < to;
    // Over midnight: the evening of a day that is included, or the morning after it.
    return (minute >= from && includes(day)) || (minute < to && includes(day - std::chrono::days{1}));
}

}  // namespace signet::policy
