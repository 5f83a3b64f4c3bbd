// AES-256-GCM (NIST SP 800-38D) over small secrets of the daemon, with a fresh random nonce each time.
#pragma once

#include <p11-kit/pkcs11.h>

#include "base/secret.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pkcs11/session.h"

namespace signet::token {

Status check_seal(const SealRequest& request);
Status check_unseal(const UnsealRequest& request);

// nonce (12) ‖ ciphertext ‖ tag (16). The nonce is the token's random number: 2^32 seals a key are within the bound of
// section 8.3, far above what one key sees.
pkcs11::CkResult<Bytes> seal(pkcs11::Session& session, CK_OBJECT_HANDLE key, const SealRequest& request);
pkcs11::CkResult<Secret> unseal(pkcs11::Session& session, CK_OBJECT_HANDLE key, const UnsealRequest& request);

}  // namespace signet::token
