// What each key may be used for. The daemon's policy decides who may ask; these rules hold whoever asks.
#pragma once

#include <p11-kit/pkcs11.h>

#include <string_view>
#include <vector>

#include "base/error.h"
#include "hsm/frames/key_types.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pkcs11/quirks.h"

namespace signet::token {

// token_refused unless `usage` is among the key's. `name` is the key's name for the message.
Status check_usage(KeyUsages usages, KeyUsage usage, std::string_view name);

// Purpose, algorithm and size of what is to be signed. Audit keys never pass: they sign checkpoints only.
// Errors: token_refused for the key's rules, invalid_argument for the input.
Status check_sign(KeyAlgorithm key, KeyUsages usages, std::string_view name, SignAlgorithm algorithm,
                  KeyUsage purpose);
Status check_sign_input(SignAlgorithm algorithm, ByteView input);
Status check_mac(KeyAlgorithm key, KeyUsages usages, std::string_view name, MacAlgorithm algorithm,
                 ByteView data);

// Fields and usages of a wrapped key. Such keys never wrap, bind, seal or sign the audit chain.
Status check_binding(const KeyBinding& binding);

// Usages of a key that is to be made: a key of usage payment only ever comes from outside.
Status check_made_here(KeyUsages usages);
// What import_secret may turn into a wrapped key, and with which hashes.
Status check_import(const ImportSecretRequest& request);
// Hashes and label of RSA-OAEP.
Status check_oaep(HashAlgorithm oaep_hash, HashAlgorithm mgf1_hash, ByteView label);

// CKA_ALLOWED_MECHANISMS: the token itself refuses the rest.
std::vector<CK_MECHANISM_TYPE> allowed_mechanisms(KeyAlgorithm algorithm, KeyUsages usages,
                                                  const pkcs11::Quirks& quirks);

// RFC 8017: bytes of an RSA key's modulus; 0 for other keys.
std::size_t modulus_size(KeyAlgorithm algorithm);

}  // namespace signet::token
