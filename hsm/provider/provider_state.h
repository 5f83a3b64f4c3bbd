// What the parts of our OpenSSL provider share; internal to hsm/provider.
//
// Every function here that OpenSSL calls returns 1 for success and 0 for failure, and owns nothing it was not
// given.
#pragma once

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "hsm/frames/token_interface.h"
#include "hsm/provider/openssl_ptr.h"

namespace signet::provider {

inline constexpr const char* kProviderName = "signet";
inline constexpr const char* kProviderProperties = "provider=signet";
// The parameter of EVP_PKEY_fromdata that makes a token key: an OSSL_PARAM octet pointer to a KeyHandle.
inline constexpr const char* kKeyHandleParameter = "signet-key-handle";

// The provider's context (`provctx`).
struct ProviderState {
    TokenInterface& token;
    std::chrono::milliseconds time_limit;
    ossl_lib_ctx_st* library = nullptr;

    // The calling thread's DeadlineScope, else `time_limit` from now.
    Deadline deadline() const;
};

enum class KeyKind { rsa, ec, ed25519 };
KeyKind kind_of(KeyAlgorithm algorithm);
const char* key_type_name(KeyKind kind);  // "RSA", "EC", "ED25519"

// The half that stays in the token.
struct PrivateReference {
    KeySelector selector;
    KeyAlgorithm algorithm;
    KeyUsage purpose;
};

// A key as our KEYMGMT knows it. The twin is the public key in the default provider: it answers what can be
// answered without the token, such as parameters, verification and encryption.
struct KeyData {
    const ProviderState* state = nullptr;
    KeyKind kind = KeyKind::rsa;
    PkeyPtr twin;
    std::optional<PrivateReference> private_part;  // absent: a public key that OpenSSL imported to compare it
};
// `void* keydata` is a KeyHandle*: contexts keep the key alive beyond the EVP_PKEY.
using KeyHandle = std::shared_ptr<const KeyData>;

// SHA-1, SHA-256, SHA-384 or SHA-512 under any name OpenSSL knows it by.
std::optional<HashAlgorithm> hash_from_name(ossl_lib_ctx_st* library, const char* name);
const char* hash_name(HashAlgorithm hash);

// RSA padding from OSSL_PARAM, an integer or one of OpenSSL's names; nullopt for one we do not do.
enum class RsaPadding { pkcs1, oaep, pss };
std::optional<RsaPadding> padding_from(const OSSL_PARAM& parameter);
// Answers with the integer or the name, as the parameter's type asks.
int set_padding(OSSL_PARAM& parameter, RsaPadding padding);

// Makes the key `reference` names and hands it to OpenSSL: by pkcs11: URI and by LibraryContext::load.
Result<KeyHandle> make_key_handle(const ProviderState& state, PrivateReference reference,
                                  ByteView public_key);

extern const OSSL_ALGORITHM kKeyManagement[];
extern const OSSL_ALGORITHM kSignatures[];
extern const OSSL_ALGORITHM kAsymmetricCiphers[];
extern const OSSL_ALGORITHM kStores[];

// OSSL_provider_init_fn. Takes the state that `pending_state` names on this thread.
int initialise_provider(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in, const OSSL_DISPATCH** out,
                        void** context);
extern thread_local ProviderState* pending_state;

template <class Function>
OSSL_DISPATCH entry(int id, Function* function) {
    return {id, reinterpret_cast<void (*)(void)>(function)};
}

}  // namespace signet::provider
