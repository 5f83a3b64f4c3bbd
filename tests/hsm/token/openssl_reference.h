// What OpenSSL says about the token's answers: the other implementation that the suite compares with.
#pragma once

#include "base/bytes.h"
#include "hsm/frames/key_types.h"

namespace signet::testing {

// `signature` as TokenInterface gives it, over `message` (not its digest).
bool openssl_verifies(ByteView spki, SignAlgorithm algorithm, ByteView message, ByteView signature);
Bytes openssl_oaep_encrypt(ByteView spki, HashAlgorithm hash, HashAlgorithm mgf1_hash, ByteView label,
                           ByteView plaintext);
// nonce (12) ‖ ciphertext ‖ tag (16)
Bytes openssl_gcm_seal(ByteView key, ByteView nonce, ByteView associated_data, ByteView plaintext);
// A certificate over this public key, signed by a software key made for it.
Bytes openssl_certificate(ByteView spki, const char* common_name, long serial);

}  // namespace signet::testing
