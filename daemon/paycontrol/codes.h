// PayControl's codes: what is made of an HMAC-SHA-256 over the TLV with a user's first secret, and how a code is checked without
// knowing the moment it was made (docs/paycontrol-protocol.md, "Codes").
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace signet::paycontrol {

inline constexpr std::uint32_t kDefaultInterval = 180;  // seconds a code is valid for
inline constexpr std::uint32_t kShortestCode = 6;
inline constexpr std::uint32_t kLongestCode = 10;
inline constexpr std::uint32_t kFullCode = 64;  // hex digits: the whole MAC

// floor(unix_seconds / interval); 0 for times before 1970. `interval` is not 0.
std::uint64_t time_step(std::int64_t unix_seconds, std::uint32_t interval);

// Lower-case hex of the MAC.
std::string full_code(ByteView mac);
// `digits` decimal digits, 6 to 10, by RFC 4226 section 5.3. Its 31 bits are even enough up to 8 digits; 9 and 10 take 63 bits
// from the same place, so that no code is likelier than another.
std::string short_code(ByteView mac, std::uint32_t digits);

// Whether `text` has the form of a code: 6 to 10 digits, or 64 hex digits in either case.
bool is_short_code(std::string_view text);
bool is_full_code(std::string_view text);

// The MAC over `data`, by the token.
using MacFunction = std::function<Result<Bytes>(const Bytes& data)>;
// The bytes under the MAC at a time step.
using StepBytes = std::function<Bytes(std::uint64_t step)>;

// The step at which `code` is right: the one of `unix_seconds`, or one before or after it. nullopt when it is wrong at all three, or
// has not the form of a code. Compared in constant time. Errors: those of `mac`.
Result<std::optional<std::uint64_t>> matching_step(std::string_view code, std::int64_t unix_seconds,
                                                   std::uint32_t interval, const StepBytes& bytes,
                                                   const MacFunction& mac);

// The code of the present time step: full for 64, else short.
Result<std::string> make_code(std::uint32_t length, std::int64_t unix_seconds, std::uint32_t interval,
                              const StepBytes& bytes, const MacFunction& mac);

// The steps at which a code or signature may have been made: `now`, the one before, the one after.
std::vector<std::uint64_t> steps_around(std::uint64_t now);

// A time of that step, as near to `unix_seconds` as it can be: what a later check of the confirmation is given.
std::int64_t time_in_step(std::uint64_t step, std::uint32_t interval, std::int64_t unix_seconds);

}  // namespace signet::paycontrol
