// Key pairs that their owner gets in clear, once: no token holds them, and nothing here keeps them.
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "hsm/frames/token_interface.h"

namespace signet::token {

// By OpenSSL, whose generator `seed`, random bytes of the token, is mixed into. The private key is written straight into
// locked memory. Errors: unsupported (no RSA key), internal.
Result<ClearKeyPair> generate_clear(KeyAlgorithm algorithm, ByteView seed);

}  // namespace signet::token
