#include "base/encoding.h"

#include <array>

namespace signet {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> reverse(std::string_view alphabet) {
    std::array<std::int8_t, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    return table;
}

constexpr auto kStandardReverse = reverse(kStandard);
constexpr auto kUrlReverse = reverse(kUrl);

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string encode(ByteView bytes, std::string_view alphabet, bool padded) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    std::size_t i = 0;
    for (; i + 3 <= bytes.size(); i += 3) {
        const std::uint32_t group =
            (std::uint32_t{bytes[i]} << 16) | (std::uint32_t{bytes[i + 1]} << 8) | bytes[i + 2];
        out += alphabet[group >> 18];
        out += alphabet[(group >> 12) & 63];
        out += alphabet[(group >> 6) & 63];
        out += alphabet[group & 63];
    }
    const std::size_t rest = bytes.size() - i;
    if (rest > 0) {
        std::uint32_t group = std::uint32_t{bytes[i]} << 16;
        if (rest == 2) group |= std::uint32_t{bytes[i + 1]} << 8;
        out += alphabet[group >> 18];
        out += alphabet[(group >> 12) & 63];
        if (rest == 2) out += alphabet[(group >> 6) & 63];
        if (padded) out.append(3 - rest, '=');
    }
    return out;
}

// `text` has no padding any more.
Result<Bytes> decode(std::string_view text, const std::array<std::int8_t, 256>& table,
                     std::string_view name) {
    const auto malformed = [&](std::string what) {
        return fail(ErrorCode::invalid_argument, "not valid " + std::string(name) + ": " + std::move(what));
    };
    if (text.size() % 4 == 1) return malformed("its length is impossible");
    Bytes out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t group = 0;
    unsigned bits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto value = table[static_cast<unsigned char>(text[i])];
        if (value < 0) return malformed("foreign character at offset " + std::to_string(i));
        group = (group << 6) | static_cast<std::uint32_t>(value);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out.push_back(static_cast<std::uint8_t>(group >> bits));
            group &= (1U << bits) - 1;
        }
    }
    if (group != 0) return malformed("its last character has stray bits");
    return out;
}

}  // namespace

std::string to_hex(ByteView bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const auto byte : bytes) {
        out += kHexDigits[byte >> 4];
        out += kHexDigits[byte & 15];
    }
    return out;
}

Result<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0)
        return fail(ErrorCode::invalid_argument, "not valid hex: an odd number of digits");
    Bytes out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0)
            return fail(ErrorCode::invalid_argument,
                        "not valid hex: foreign character near offset " + std::to_string(i));
        out.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    return out;
}

std::string to_base64(ByteView bytes) {
    return encode(bytes, kStandard, true);
}
std::string to_base64url(ByteView bytes) {
    return encode(bytes, kUrl, false);
}

Result<Bytes> from_base64(std::string_view text) {
    if (text.size() % 4 != 0)
        return fail(ErrorCode::invalid_argument, "not valid base64: its length is not a multiple of 4");
    for (int i = 0; i < 2 && text.ends_with('='); ++i)
        text.remove_suffix(1);
    return decode(text, kStandardReverse, "base64");
}

Result<Bytes> from_base64url(std::string_view text) {
    return decode(text, kUrlReverse, "base64url");
}

Result<Bytes> from_base64_wrapped(std::string_view text) {
    std::string compact;
    compact.reserve(text.size());
    for (const char c : text) {
        if (c != '\r' && c != '\n' && c != ' ' && c != '\t') compact += c;
    }
    return from_base64(compact);
}

bool is_utf8(std::string_view text) {
    const auto* p = reinterpret_cast<const unsigned char*>(text.data());
    const auto* const end = p + text.size();
    const auto tail = [](unsigned char c) { return (c & 0xC0) == 0x80; };
    while (p < end) {
        if (*p < 0x80) {
            p += 1;
        } else if (*p >= 0xC2 && *p <= 0xDF) {
            if (end - p < 2 || !tail(p[1])) return false;
            p += 2;
        } else if ((*p & 0xF0) == 0xE0) {
            if (end - p < 3 || !tail(p[1]) || !tail(p[2])) return false;
            if (*p == 0xE0 && p[1] < 0xA0) return false;  // overlong
            if (*p == 0xED && p[1] > 0x9F) return false;  // surrogate
            p += 3;
        } else if (*p >= 0xF0 && *p <= 0xF4) {
            if (end - p < 4 || !tail(p[1]) || !tail(p[2]) || !tail(p[3])) return false;
            if (*p == 0xF0 && p[1] < 0x90) return false;  // overlong
            if (*p == 0xF4 && p[1] > 0x8F) return false;  // past U+10FFFF
            p += 4;
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace signet
