// Signatures over data and digests: made by the token, hashed and verified in software.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "hsm/frames/key_types.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pki/public_key.h"

namespace signet::pki {

// SignRequest::input for `data`: its digest, or `data` itself for EdDSA. too_large over 1 MiB with EdDSA.
Result<Bytes> sign_input(SignAlgorithm algorithm, ByteView data);
// Checks a digest that the caller made: of the algorithm's hash size; EdDSA takes none.
Status check_digest(SignAlgorithm algorithm, ByteView digest);

// Hashes and signs; DER for ECDSA, as TokenInterface::sign.
Result<Bytes> sign(TokenInterface& token, const KeySelector& key, SignAlgorithm algorithm, KeyUsage purpose,
                   ByteView data, Deadline deadline);

// Whether `signature` (DER for ECDSA) is one over `data`; false for every kind of wrong signature. Errors:
// invalid_argument when the algorithm does not fit the key or the digest's size is wrong.
Result<bool> verify(const PublicKey& key, SignAlgorithm algorithm, ByteView data, ByteView signature);
Result<bool> verify_digest(const PublicKey& key, SignAlgorithm algorithm, ByteView digest,
                           ByteView signature);

// ECDSA signatures: DER SEQUENCE of r and s (RFC 3279 section 2.2.3) from and to the fixed-width r ‖ s of
// JOSE (RFC 7518 section 3.4); `algorithm` is es256 (2 × 32 bytes) or es384 (2 × 48).
Result<Bytes> ecdsa_der_to_raw(SignAlgorithm algorithm, ByteView der);
Result<Bytes> ecdsa_raw_to_der(SignAlgorithm algorithm, ByteView raw);

}  // namespace signet::pki
