// What Create Transaction, Create Operation and the independent codes have in common: the data to be confirmed, strictly read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/api/json.h"
#include "daemon/api/paycontrol/context.h"
#include "daemon/api/paycontrol/lookup.h"
#include "sqlite/paycontrol_transaction_store.h"

namespace signet::api::paycontrol {

inline constexpr std::size_t kMaxText = std::size_t{10} << 10;   // bytes, not characters
inline constexpr std::size_t kMaxBinary = std::size_t{1} << 20;  // decoded
inline constexpr std::size_t kMaxTemplate = 2048;
inline constexpr std::uint32_t kDefaultCodeLength = 6;
inline constexpr std::uint32_t kMaxTtl = 10U * 365 * 86400;  // seconds

// `transaction_data` of `body` into `out`: text, binary, how the text is shown, data_type, data_hash. Codes: 217 without any data,
// 216 for over 10 KiB of text, broken base64 and the like, 283 for wrong types.
Outcome<void> read_data(const JsonObject& body, sqlite::PcTransaction& out);
// `snippet`, if there is one. Code: 283.
Outcome<void> read_snippet(const JsonObject& body, sqlite::PcTransaction& out);
// {"text", "text_render_type"} of `name`: the text, and whether it is Markdown.
struct Shown {
    std::string text;
    bool markdown = false;
};
Outcome<std::optional<Shown>> read_shown(const JsonObject& body, std::string_view name);

// 6 to 10, and 64 where `full` allows it; nullopt when it is absent. Code: 254.
Outcome<std::optional<std::uint32_t>> read_code_length(const JsonObject& body, bool full);
// `time_sampling_interval`: seconds a code is valid for. `otherwise` is the configured one.
Outcome<std::uint32_t> read_interval(const JsonObject& body, std::uint32_t otherwise);
// Whether `notification_type` is "Push". Code: 249 for anything else than Push and Offline.
Outcome<bool> read_push(const JsonObject& body);
Outcome<std::uint32_t> read_ttl(Call& call, const JsonObject& body);
// `callback_url`, checked against what `outbound` of signetd.yaml permits; empty when absent. Code: 283.
Outcome<std::string> read_callback_url(Call& call, const JsonObject& body);
// `app_extra`: a text, or an object that a client forgot to make a text of.
Outcome<std::optional<std::string>> read_app_extra(const JsonObject& body);
Outcome<std::optional<std::string>> read_template(const JsonObject& body, std::string_view name);

// A whole Create Transaction request for that user.
Outcome<sqlite::PcTransaction> read_transaction(Call& call, const UserOf& owner, const JsonObject& body);

std::string_view to_string(sqlite::PcType type);  // "UNDEFINED"
std::optional<sqlite::PcType> transaction_type_from(std::string_view name);

}  // namespace signet::api::paycontrol
