// What a token computes, by OpenSSL's default provider: the arithmetic under SoftwareToken.
#pragma once

#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/secret.h"
#include "hsm/frames/token_interface.h"
#include "hsm/provider/openssl_ptr.h"

namespace signet::testing {

provider::PkeyPtr generate_pair(KeyAlgorithm algorithm);  // null for secret keys
Bytes spki_of(evp_pkey_st* pair);
Secret pkcs8_of(evp_pkey_st* pair);
// KCV of an AES key (the first bytes of its CMAC over a block of zeros) or a triple DES key (of such a block encrypted).
std::array<std::uint8_t, 3> check_value(KeyAlgorithm algorithm, ByteView key);
Bytes hmac(HashAlgorithm hash, ByteView key, ByteView data);
// AES-256-GCM: nonce (12) ‖ ciphertext ‖ tag (16).
Bytes gcm_seal(ByteView key, ByteView associated, ByteView plaintext);
std::optional<Secret> gcm_open(ByteView key, ByteView associated, ByteView sealed);
Result<Bytes> sign_with(evp_pkey_st* pair, SignAlgorithm algorithm, ByteView input);
Result<Secret> decrypt_oaep(evp_pkey_st* pair, const DecryptRequest& request);

}  // namespace signet::testing
