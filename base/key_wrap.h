// Keys under passwords, as PayControl's key export has them: scrypt, AES key wrap, HMAC. Shared by the token's
// process and by devices.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

namespace signet {

// RFC 7914. N = 2^15, r = 8, p = 1: 32 MiB and about a tenth of a second.
struct ScryptParameters {
    std::uint32_t n = 1U << 15;
    std::uint32_t r = 8;
    std::uint32_t p = 1;
};
inline constexpr std::size_t kScryptSalt = 16;
// Errors: invalid_argument (parameters that are not a power of two or need over 64 MiB).
Result<Secret> scrypt(ByteView password, ByteView salt, std::size_t size, ScryptParameters parameters = {});

// RFC 3394 with a key of 32 bytes. Error of unwrapping: unprocessable.
Result<Bytes> wrap_key(const Secret& kek, ByteView key);
Result<Secret> unwrap_key(const Secret& kek, ByteView wrapped);

// Whole blocks of 16 bytes, without padding: how a renewal makes the next secret from the last (CKM_AES_ECB_ENCRYPT_DATA).
Result<Secret> encrypt_aes_ecb(const Secret& key, ByteView blocks);

Bytes hmac_sha256(ByteView key, ByteView data);

}  // namespace signet
