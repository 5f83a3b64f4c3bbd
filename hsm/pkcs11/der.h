// The few DER encodings a token's raw answers need (ITU-T X.690); everything else is the PKI code's.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "hsm/frames/key_types.h"

namespace signet::pkcs11 {

// r ‖ s, each half of `raw`, as SEQUENCE of two INTEGERs (RFC 3279 section 2.2.3). `raw` has an even size,
// 132 at most.
Bytes ecdsa_signature_der(ByteView raw);

// SubjectPublicKeyInfo (RFC 5280 section 4.1); big-endian numbers with or without leading zeros (RFC 8017
// A.1.1).
Bytes rsa_public_key_der(ByteView modulus, ByteView exponent);
// `point` is CKA_EC_POINT: an OCTET STRING in DER, as PKCS#11 asks, or the bare point, as some tokens have it
// (RFC 5480 section 2.2 for the P curves, RFC 8410 section 4 for Ed25519). nullopt when it does not fit the
// algorithm.
std::optional<Bytes> ec_public_key_der(KeyAlgorithm algorithm, ByteView point);

// CKA_EC_PARAMS: the curve's object identifier in DER. Empty for what is no curve.
ByteView ec_params(KeyAlgorithm algorithm);

// DigestInfo (RFC 8017 section 9.2, note 1): what CKM_RSA_PKCS pads and signs. `digest` is of the hash's
// size.
Bytes digest_info(HashAlgorithm hash, ByteView digest);

}  // namespace signet::pkcs11
