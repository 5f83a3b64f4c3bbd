#include "base/random.h"

#include <openssl/rand.h>

#include <cstdio>
#include <cstdlib>

#include "base/encoding.h"

namespace signet {

Bytes random_bytes(std::size_t size) {
    Bytes bytes(size);
    if (size != 0 && RAND_priv_bytes(bytes.data(), static_cast<int>(size)) != 1) {
        std::fputs("signet: the random generator failed; stopping\n", stderr);
        std::abort();
    }
    return bytes;
}

std::string random_uuid() {
    auto bytes = random_bytes(16);
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0F) | 0x40);
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);
    auto text = to_hex(bytes);
    for (const std::size_t at : {8U, 13U, 18U, 23U})
        text.insert(at, 1, '-');
    return text;
}

std::string random_id() {
    return to_base64url(random_bytes(16));
}

}  // namespace signet
