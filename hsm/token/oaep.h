// RSA-OAEP (RFC 8017 section 7.1.2).
#pragma once

#include <p11-kit/pkcs11.h>

#include <optional>

#include "base/secret.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pkcs11/quirks.h"
#include "hsm/pkcs11/session.h"

namespace signet::token {

// Whether the token offers these hashes and this label; otherwise the padding is removed here, with the plaintext in clear.
bool token_does_oaep(const pkcs11::Quirks& quirks, HashAlgorithm oaep_hash, HashAlgorithm mgf1_hash,
                     ByteView label);

// In the token where it offers the hash, the mask's hash and the label; otherwise CKM_RSA_X_509 in the token and the
// padding removed here. A ciphertext that does not decrypt is CKR_ENCRYPTED_DATA_INVALID, whatever is wrong with it.
pkcs11::CkResult<Secret> decrypt_oaep(pkcs11::Session& session, const pkcs11::Quirks& quirks,
                                      CK_OBJECT_HANDLE key, const DecryptRequest& request);

// Removes the padding in time that depends on `encoded`'s size alone, because an attacker who learns why a ciphertext
// was refused can decrypt others' (Manger, CRYPTO 2001). `encoded` is as long as the modulus. nullopt when wrong.
std::optional<Secret> remove_oaep(const Secret& encoded, HashAlgorithm hash, HashAlgorithm mgf1_hash,
                                  ByteView label);

}  // namespace signet::token
