// Signatures and MACs with a key's handle in a session. The rules were checked before.
#pragma once

#include <p11-kit/pkcs11.h>

#include "base/bytes.h"
#include "hsm/frames/key_types.h"
#include "hsm/pkcs11/session.h"

namespace signet::token {

// `input` as in SignRequest, of the right size. DER for ECDSA, raw bytes for RSA and Ed25519.
pkcs11::CkResult<Bytes> sign(pkcs11::Session& session, CK_OBJECT_HANDLE key, KeyAlgorithm key_algorithm,
                             SignAlgorithm algorithm, ByteView input);

pkcs11::CkResult<Bytes> hmac(pkcs11::Session& session, CK_OBJECT_HANDLE key, MacAlgorithm algorithm,
                             ByteView data);

}  // namespace signet::token
