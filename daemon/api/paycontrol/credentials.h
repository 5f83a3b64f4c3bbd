// Activation codes and passwords that the server checks (online_credentials): MACs by a key of the system in the token, so
// that a copy of the database alone gives nothing to search.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"
#include "daemon/api/json.h"
#include "daemon/api/paycontrol/context.h"

namespace signet::api::paycontrol {

inline constexpr std::size_t kShortestPassword = 6;
inline constexpr std::size_t kLongestPassword = 128;

enum class Credential : std::uint8_t { activation, password };

// What is kept of a code or a password of this key set.
Outcome<Bytes> credential_mac(Call& call, const sqlite::PayControlUser& user, std::uint32_t key_index,
                              Credential what, std::string_view value);

// A password of the body. Codes: 237 missing, 264 too short or too long.
Outcome<std::string> read_password(const JsonObject& body, std::string_view name);

// `digits` random decimal digits.
std::string random_code(std::uint32_t digits);

// The key of 32 bytes that an online export is under, and that a device gets for the right code; sealed in the database.
Outcome<Bytes> seal_release_key(Call& call, const sqlite::PayControlUser& user, std::uint32_t key_index,
                                const Secret& key);
Outcome<Secret> unseal_release_key(Call& call, const sqlite::PayControlUser& user,
                                   const sqlite::PayControlKey& key);

}  // namespace signet::api::paycontrol
