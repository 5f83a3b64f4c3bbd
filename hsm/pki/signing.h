// The start of every signature over an ASN.1 structure by a token key; internal to hsm/pki.
#pragma once

#include <optional>

#include "base/error.h"
#include "hsm/pki/public_key.h"
#include "hsm/provider/openssl_ptr.h"
#include "hsm/provider/token_key.h"

namespace signet::pki {

// A digest context for X509_sign_ctx and its kin, in the key's library context. `algorithm` is the key's default one when it
// is not given. invalid_argument when it does not fit the key.
Result<provider::DigestCtxPtr> start_signature(const provider::TokenKey& key,
                                               std::optional<SignAlgorithm> algorithm);

// failed_precondition unless the key was loaded for `purpose` and is the private half of `public_key`.
Status check_key(const provider::TokenKey& key, KeyUsage purpose, const PublicKey& public_key,
                 std::string_view owner);

// OpenSSL's name of the hash a signature algorithm uses; null for EdDSA.
const char* digest_name(SignAlgorithm algorithm);

}  // namespace signet::pki
