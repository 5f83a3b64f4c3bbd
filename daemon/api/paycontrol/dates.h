// Dates as PayControl's requests write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace signet::api::paycontrol {

// "yyyy-MM-dd HH:mm:ss.S Z": 2020-07-06 22:12:22.0 +0000, with one to nine decimals or none; nullopt for anything else.
std::optional<SystemTime> parse_date(std::string_view text);
// The same in UTC: 2020-07-06 22:12:22.250 +0000.
std::string format_date(SystemTime time);

}  // namespace signet::api::paycontrol
