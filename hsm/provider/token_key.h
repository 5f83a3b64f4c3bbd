// A private key in the token as OpenSSL sees it: an EVP_PKEY that signs and decrypts by asking the
// TokenInterface.
#pragma once

#include "base/bytes.h"
#include "hsm/frames/key_types.h"
#include "hsm/frames/token_interface.h"
#include "hsm/provider/openssl_ptr.h"

namespace signet::provider {

// Move-only; made by LibraryContext::load and not valid beyond that context. The EVP_PKEY may be used from
// several threads at once. Its purpose is fixed: each signature it makes asks the token with that KeyUsage,
// so a key loaded for `tls` cannot sign a certificate, whatever OpenSSL is told to do with it.
class TokenKey {
  public:
    TokenKey(PkeyPtr key, KeySelector selector, KeyAlgorithm algorithm, KeyUsage purpose, Bytes public_key,
             TokenInterface& token, ossl_lib_ctx_st* library)
        : key_(std::move(key)),
          selector_(std::move(selector)),
          algorithm_(algorithm),
          purpose_(purpose),
          public_key_(std::move(public_key)),
          token_(&token),
          library_(library) {}

    evp_pkey_st* get() const { return key_.get(); }
    const KeySelector& selector() const { return selector_; }
    KeyAlgorithm algorithm() const { return algorithm_; }
    KeyUsage purpose() const { return purpose_; }
    const Bytes& public_key() const { return public_key_; }  // DER SubjectPublicKeyInfo
    TokenInterface& token() const { return *token_; }
    ossl_lib_ctx_st* library() const { return library_; }

  private:
    PkeyPtr key_;
    KeySelector selector_;
    KeyAlgorithm algorithm_;
    KeyUsage purpose_;
    Bytes public_key_;
    TokenInterface* token_;
    ossl_lib_ctx_st* library_;
};

}  // namespace signet::provider
