// Object identifiers of CMS as DER, and what they stand for; internal to hsm/pki.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/digest.h"

namespace signet::pki {

namespace oid {
// PKCS#7 and PKCS#9: 1.2.840.113549.1.7.x and .1.9.x
inline constexpr std::array<std::uint8_t, 11> kData{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                                    0xf7, 0x0d, 0x01, 0x07, 0x01};
inline constexpr std::array<std::uint8_t, 11> kSignedData{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                                          0xf7, 0x0d, 0x01, 0x07, 0x02};
inline constexpr std::array<std::uint8_t, 11> kContentType{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                                           0xf7, 0x0d, 0x01, 0x09, 0x03};
inline constexpr std::array<std::uint8_t, 11> kMessageDigest{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                                             0xf7, 0x0d, 0x01, 0x09, 0x04};
inline constexpr std::array<std::uint8_t, 11> kSigningTime{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                                           0xf7, 0x0d, 0x01, 0x09, 0x05};
// id-aa-signingCertificateV2, 1.2.840.113549.1.9.16.2.47
inline constexpr std::array<std::uint8_t, 13> kSigningCertificateV2{0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                                                    0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f};
}  // namespace oid

// AlgorithmIdentifier of a hash without parameters (RFC 5754 section 2).
Bytes hash_identifier(HashAlgorithm hash);

}  // namespace signet::pki
