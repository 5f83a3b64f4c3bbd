// Request bodies as PayControl's clients send them: JSON with trailing commas, any JSON Content-Type, members of newer and
// older versions, which are ignored.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/api/exchange.h"
#include "daemon/api/json.h"
#include "daemon/api/paycontrol/answer.h"

namespace signet::api::paycontrol {

// Removes commas before a closing bracket, outside of strings. What is wrong otherwise stays wrong.
std::string without_trailing_commas(std::string_view json);

// Everything that is not a JSON object, or of another Content-Type on a network listener: 283. An empty body is an empty
// object.
Outcome<JsonObject> read_body(const Exchange& exchange);
Outcome<JsonObject> parse_body(std::string_view text);

// A text that must be there and not empty, else `missing`; over `max_bytes` or of another type: 283.
Outcome<std::string> required_text(const JsonObject& body, std::string_view name, Code missing,
                                   std::size_t max_bytes = 4096);
Outcome<std::string> text_or_empty(const JsonObject& body, std::string_view name,
                                   std::size_t max_bytes = 4096);
Outcome<bool> flag_of(const JsonObject& body, std::string_view name, bool otherwise = false);
// Whole numbers, also as decimal text.
Outcome<std::optional<std::int64_t>> number_of(const JsonObject& body, std::string_view name,
                                               std::int64_t low, std::int64_t high);

}  // namespace signet::api::paycontrol
