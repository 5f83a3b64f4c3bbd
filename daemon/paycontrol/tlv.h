// The bytes that PayControl's codes and signatures cover, as its server, its software device and its server signer make them
// alike (docs/paycontrol-protocol.md, "TLV").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/digest.h"

namespace signet::paycontrol {

// A record is tag (1 byte), length (4 bytes, big-endian), value; records stand in the order of this list. 0x11, 0x12 and 0x14
// are fixed by the reference vectors, the others are Signet's choice.
enum class Tag : std::uint8_t {
    data = 0x11,         // utf8(text) ‖ binary
    user = 0x12,         // the user's id; left out of common codes
    fingerprint = 0x13,  // the device's, where the key asks for it (key flag 0)
    step = 0x14,         // the time step, unsigned big-endian in the fewest bytes
    snippet = 0x15,      // where the transaction has one
    decline = 0x16,      // makes a code one that declines: a byte, DeclineReason
};

// What a user may decline for. The value is that of the TLV record, so a code for one reason does not decline for another.
enum class DeclineReason : std::uint8_t { not_authorized = 1, wrong_data = 2 };

// Views: they outlive the call.
struct Covered {
    std::string_view text{};
    ByteView binary{};
    std::string_view user_id{};      // empty: left out
    std::string_view fingerprint{};  // empty: left out
    std::string_view snippet{};      // empty: left out
};

Bytes tlv(const Covered& covered, std::uint64_t step, std::optional<DeclineReason> decline = std::nullopt);

// SHA-256(utf8(text) ‖ binary): `data_hash` of confirmation attempts.
Sha256 data_hash(std::string_view text, ByteView binary);

}  // namespace signet::paycontrol
