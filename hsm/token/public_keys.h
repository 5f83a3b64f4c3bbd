// The public objects of our key pairs, by the CKA_ID they share with the private ones.
#pragma once

#include <p11-kit/pkcs11.h>

#include <map>

#include "base/bytes.h"
#include "hsm/frames/key_types.h"
#include "hsm/pkcs11/objects.h"
#include "hsm/pkcs11/session.h"

namespace signet::token {

// DER SubjectPublicKeyInfo from the attributes of a public object: CKA_MODULUS and CKA_PUBLIC_EXPONENT, or CKA_EC_POINT.
// Empty when they do not make one.
Bytes spki_from(const pkcs11::Attributes& attributes, KeyAlgorithm algorithm);

// SubjectPublicKeyInfo by CKA_ID, of all our pairs in one search.
pkcs11::CkResult<std::map<Bytes, Bytes>> read_public_keys(pkcs11::Session& session);

}  // namespace signet::token
