// The attributes our keys are made with.
#pragma once

#include <string_view>

#include "hsm/frames/key_types.h"
#include "hsm/pkcs11/mechanisms.h"
#include "hsm/pkcs11/objects.h"
#include "hsm/pkcs11/quirks.h"
#include "hsm/pkcs11/session.h"

namespace signet::token {

struct KeyTemplate {
    KeyAlgorithm algorithm = KeyAlgorithm::ec_p256;
    KeyUsages usages;
    bool on_token = true;  // false: a session object, gone with the session
    bool extractable = false;
    ByteView cka_id;
    std::string_view label;
};

CK_KEY_TYPE key_type(KeyAlgorithm algorithm);

// Private or secret key. `optional_attributes` adds what not every token takes: CKA_ALLOWED_MECHANISMS, and
// CKA_UNWRAP_TEMPLATE on wrapping keys.
pkcs11::Template private_template(const KeyTemplate& key, const pkcs11::Quirks& quirks,
                                  bool optional_attributes);
pkcs11::Template public_template(const KeyTemplate& key);

// What a blob becomes when it is unwrapped: a session object. `extractable` only for re-wrapping.
pkcs11::Template unwrap_template(KeyAlgorithm algorithm, KeyUsages usages, bool extractable,
                                 const pkcs11::Quirks& quirks, bool optional_attributes);

pkcs11::Mechanism generation_mechanism(KeyAlgorithm algorithm);

struct GeneratedHandles {
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;         // private or secret
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;  // CK_INVALID_HANDLE for secret keys
};
// Once more without the optional attributes when the token does not take those.
pkcs11::CkResult<GeneratedHandles> generate(pkcs11::Session& session, const KeyTemplate& key,
                                            const pkcs11::Quirks& quirks);

// CKR codes with which tokens refuse attributes they do not keep.
bool refuses_attributes(CK_RV rv);

}  // namespace signet::token
