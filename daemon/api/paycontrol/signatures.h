// Signatures of devices, by the crypto type of the user's keys.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "daemon/api/paycontrol/answer.h"

namespace signet::api::paycontrol {

inline constexpr std::uint32_t kEcdsa = 0;  // P-256 with SHA-256; the signature is DER
inline constexpr std::uint32_t kGost = 1;   // GOST R 34.10-2012 with 34.11-2012; 64 bytes

// Whether `signature` is one over `message` by the key `spki` (DER SubjectPublicKeyInfo). Codes: 352 for a type that is not
// served here.
Outcome<bool> verify_signature(std::uint32_t type, ByteView spki, ByteView message, ByteView signature);

}  // namespace signet::api::paycontrol
