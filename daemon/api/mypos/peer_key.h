// The other side's public key, as it is uploaded.
#pragma once

#include <string_view>

#include "base/error.h"
#include "hsm/pki/public_key.h"

namespace signet::api::mypos {

// X.509 PEM, PKCS#7 PEM with one certificate, or SPKI PEM; RSA of 2048 bits, or longer ones where the configuration says so.
// Errors: invalid_argument, unprocessable.
Result<pki::PublicKey> read_peer_key(std::string_view pem, bool longer_keys);

}  // namespace signet::api::mypos
