// Secrets that come from outside, encrypted under an RSA key of ours: top key loading.
#pragma once

#include <p11-kit/pkcs11.h>

#include <array>
#include <optional>

#include "hsm/frames/token_interface.h"
#include "hsm/pkcs11/quirks.h"
#include "hsm/pkcs11/session.h"
#include "hsm/token/key_cache.h"

namespace signet::token {

// Whether the token can take the secret in by itself (C_UnwrapKey); otherwise it is decrypted into this process's locked
// memory and handed back to the token at once.
bool unwraps_in_token(const pkcs11::Quirks& quirks, KeyUsages usages, const ImportSecretRequest& request);

struct WrappedSecret {
    Bytes blob;
    std::array<std::uint8_t, 3> check_value{};
};
// Lets the secret in as a session object, takes its check value, wraps it and destroys the object. nullopt for whatever
// does not decrypt to a secret of the binding's algorithm, whatever is wrong with it.
pkcs11::CkResult<std::optional<WrappedSecret>> import_secret(pkcs11::Session& session,
                                                             const pkcs11::Quirks& quirks,
                                                             const UsableKey& key,
                                                             CK_OBJECT_HANDLE wrapping_key,
                                                             const ImportSecretRequest& request);

}  // namespace signet::token
