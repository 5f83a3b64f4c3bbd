// The most that each kind of field may hold, in bytes or in entries: a longer one is malformed.
#pragma once

#include <cstddef>

namespace signet::frames {

namespace bound {
inline constexpr std::size_t kLabel = 64;
inline constexpr std::size_t kOwner = 512;
inline constexpr std::size_t kWrappedBlob = 4096;
inline constexpr std::size_t kMac = 64;
inline constexpr std::size_t kInput = std::size_t{1} << 20;
inline constexpr std::size_t kBatch = 1000;
inline constexpr std::size_t kCiphertext = 1024;
inline constexpr std::size_t kOaepLabel = 1024;
inline constexpr std::size_t kPlaintext = std::size_t{64} << 10;
inline constexpr std::size_t kSealOverhead = 12 + 16;
inline constexpr std::size_t kAssociatedData = 1024;
inline constexpr std::size_t kSignature = 1024;
inline constexpr std::size_t kPublicKey = 2048;
inline constexpr std::size_t kCertificate = std::size_t{64} << 10;
inline constexpr std::size_t kKeys = 100'000;
inline constexpr std::size_t kName = 256;
inline constexpr std::size_t kPath = 4096;
inline constexpr std::size_t kMechanisms = 1024;
inline constexpr std::size_t kErrorText = 4096;
inline constexpr std::size_t kSecrets = 4;
inline constexpr std::size_t kPassword = 256;
inline constexpr std::size_t kExportHeader = 4096;
inline constexpr std::size_t kAnyReply = std::size_t{128}
                                         << 10;  // a signature, a MAC, sealed or random bytes
inline constexpr std::uint16_t kUsages = (1 << 11) - 1;
}  // namespace bound

}  // namespace signet::frames
