// The DER AlgorithmIdentifier of each signature algorithm, as certificates, CRLs, requests and CMS carry it.
#pragma once

#include "base/bytes.h"
#include "hsm/frames/key_types.h"

namespace signet::provider {

// RFC 4055 sections 3.1 and 5 (RSA: NULL parameters for PKCS#1, explicit ones for PSS), RFC 5758 section 3.2
// (ECDSA: no parameters), RFC 8410 section 3 (Ed25519: none). Static storage.
ByteView algorithm_identifier(SignAlgorithm algorithm);

}  // namespace signet::provider
