// The public objects of our key pairs, by the CKA_ID they share with the private ones.
#pragma once

#include <p11-kit/pkcs11.h>

#include <map>

#include "base/bytes.h"
#include "hsm/pkcs11/session.h"

namespace signet::token {

struct PublicObject {
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    Bytes spki;  // DER; empty when the token does not reveal its parts
};

// With a `cka_id`: only that one.
pkcs11::CkResult<std::multimap<Bytes, PublicObject>> find_public_objects(pkcs11::Session& session,
                                                                         ByteView cka_id = {});

}  // namespace signet::token
