#include "daemon/paycontrol/codes.h"

#include <algorithm>

#include "base/encoding.h"

namespace signet::paycontrol {
namespace {

constexpr std::size_t kMacSize = 32;
// The most digits for which 31 bits make an even code (RFC 4226 section 5.3 goes no further).
constexpr std::uint32_t kLongestStandardCode = 8;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

char lower(char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string code_of(ByteView mac, std::size_t length) {
    return length == kFullCode ? full_code(mac) : short_code(mac, static_cast<std::uint32_t>(length));
}

Result<Bytes> checked(Result<Bytes> mac) {
    if (mac && mac->size() != kMacSize)
        return fail(ErrorCode::internal, "the token's MAC does not have 32 bytes");
    return mac;
}

}  // namespace

std::uint64_t time_step(std::int64_t unix_seconds, std::uint32_t interval) {
    return unix_seconds <= 0 ? 0 : static_cast<std::uint64_t>(unix_seconds) / interval;
}

std::string full_code(ByteView mac) {
    return to_hex(mac);
}

std::string short_code(ByteView mac, std::uint32_t digits) {
    const std::size_t offset = mac.back() & 0x0F;
    const std::size_t size = digits <= kLongestStandardCode ? 4 : 8;
    std::uint64_t value = mac[offset] & 0x7F;
    for (std::size_t i = 1; i < size; ++i)
        value = value << 8 | mac[offset + i];
    std::string code(digits, '0');
    for (auto digit = code.rbegin(); digit != code.rend(); ++digit, value /= 10)
        *digit = static_cast<char>('0' + value % 10);
    return code;
}

bool is_short_code(std::string_view text) {
    return text.size() >= kShortestCode && text.size() <= kLongestCode && std::ranges::all_of(text, is_digit);
}

bool is_full_code(std::string_view text) {
    return text.size() == kFullCode && std::ranges::all_of(text, [](char c) {
               return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
           });
}

std::vector<std::uint64_t> steps_around(std::uint64_t now) {
    std::vector<std::uint64_t> steps{now};
    if (now > 0) steps.push_back(now - 1);
    steps.push_back(now + 1);
    return steps;
}

Result<std::optional<std::uint64_t>> matching_step(std::string_view code, std::int64_t unix_seconds,
                                                   std::uint32_t interval, const StepBytes& bytes,
                                                   const MacFunction& mac) {
    if (!is_short_code(code) && !is_full_code(code)) return std::nullopt;
    std::string given(code);
    std::ranges::transform(given, given.begin(), lower);
    for (const auto step : steps_around(time_step(unix_seconds, interval))) {
        SIGNET_ASSIGN(const auto value, checked(mac(bytes(step))));
        if (equal_constant_time(as_bytes(code_of(value, given.size())), as_bytes(given))) return step;
    }
    return std::nullopt;
}

Result<std::string> make_code(std::uint32_t length, std::int64_t unix_seconds, std::uint32_t interval,
                              const StepBytes& bytes, const MacFunction& mac) {
    SIGNET_ASSIGN(const auto value, checked(mac(bytes(time_step(unix_seconds, interval)))));
    return code_of(value, length);
}

std::int64_t time_in_step(std::uint64_t step, std::uint32_t interval, std::int64_t unix_seconds) {
    const auto first = static_cast<std::int64_t>(step) * interval;
    return std::clamp(unix_seconds, first, first + static_cast<std::int64_t>(interval) - 1);
}

}  // namespace signet::paycontrol
