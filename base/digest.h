// SHA-2 over memory, in software: hashing public data needs no token.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace signet {

enum class HashAlgorithm : std::uint8_t { sha1 = 1, sha256 = 2, sha384 = 3, sha512 = 4 };

constexpr std::size_t hash_size(HashAlgorithm algorithm) {
    switch (algorithm) {
        case HashAlgorithm::sha1:
            return 20;
        case HashAlgorithm::sha256:
            return 32;
        case HashAlgorithm::sha384:
            return 48;
        case HashAlgorithm::sha512:
            return 64;
    }
    return 0;
}

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(ByteView data);
Bytes digest(HashAlgorithm algorithm, ByteView data);

}  // namespace signet
