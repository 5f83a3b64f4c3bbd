// Byte strings, and the conversions between them and text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace signet {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView view) {
    return {view.begin(), view.end()};
}
inline Bytes to_bytes(std::string_view text) {
    return to_bytes(as_bytes(text));
}

// Compares in time that depends on the lengths alone (CRYPTO_memcmp).
bool equal_constant_time(ByteView a, ByteView b);

}  // namespace signet
