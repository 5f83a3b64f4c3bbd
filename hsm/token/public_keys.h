// The public objects of our key pairs, by the CKA_ID they share with the private ones.
#pragma once

#include <p11-kit/pkcs11.h>

#include <map>
#include <optional>

#include "base/bytes.h"
#include "hsm/frames/key_types.h"
#include "hsm/pkcs11/objects.h"
#include "hsm/pkcs11/session.h"

namespace signet::token {

// DER SubjectPublicKeyInfo from the attributes of a public object: CKA_MODULUS and CKA_PUBLIC_EXPONENT, or CKA_EC_POINT.
// Empty when they do not make one.
Bytes spki_from(const pkcs11::Attributes& attributes, KeyAlgorithm algorithm);

// The reverse: CKA_MODULUS and CKA_PUBLIC_EXPONENT, or CKA_EC_POINT as an OCTET STRING. nullopt when `spki` is not of that kind.
std::optional<pkcs11::Attributes> public_attributes(ByteView spki, KeyAlgorithm algorithm);
// The point of CKA_EC_POINT without the OCTET STRING around it.
Bytes ec_point_value(const pkcs11::Attributes& attributes);

// SubjectPublicKeyInfo by CKA_ID, of all our pairs in one search.
pkcs11::CkResult<std::map<Bytes, Bytes>> read_public_keys(pkcs11::Session& session);

}  // namespace signet::token
