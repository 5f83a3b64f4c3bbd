#include "base/bytes.h"

#include <openssl/crypto.h>

namespace signet {

bool equal_constant_time(ByteView a, ByteView b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace signet
