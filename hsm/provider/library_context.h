// An OpenSSL library context of our own: `default` for everything public, and our provider for keys in the
// token.
//
// Nothing is loaded into OpenSSL's global context, which other libraries of the process (a PKCS#11 module,
// for one) use.
#pragma once

#include <chrono>
#include <memory>

#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/provider/openssl_ptr.h"
#include "hsm/provider/token_key.h"

namespace signet::provider {

struct ProviderState;  // what our provider holds; key_data.h

class LibraryContext {
  public:
    // `token` must outlive the context. `time_limit` bounds each token operation that runs outside a
    // DeadlineScope: OpenSSL's interfaces carry no deadline. Destroy every TokenKey and SSL_CTX of the
    // context before it.
    static Result<std::unique_ptr<LibraryContext>> create(
        TokenInterface& token, std::chrono::milliseconds time_limit = std::chrono::seconds{10});
    ~LibraryContext();
    LibraryContext(const LibraryContext&) = delete;
    LibraryContext& operator=(const LibraryContext&) = delete;

    ossl_lib_ctx_st* get() const { return context_.get(); }
    TokenInterface& token() const { return token_; }

    // `purpose` is sign, certify, tls, audit or decrypt and must be among the key's usages (else
    // token_refused).
    Result<TokenKey> load(const KeyInfo& key, KeyUsage purpose) const;
    // Asks the token for the key first.
    Result<TokenKey> load(const KeyId& id, KeyUsage purpose, Deadline deadline) const;
    // `public_key` is the key's DER SubjectPublicKeyInfo.
    Result<TokenKey> load(const WrappedKey& key, ByteView public_key, KeyUsage purpose) const;

  private:
    LibraryContext(TokenInterface& token, std::chrono::milliseconds time_limit);
    Result<TokenKey> load(KeySelector selector, KeyAlgorithm algorithm, ByteView public_key,
                          KeyUsage purpose) const;

    TokenInterface& token_;
    std::unique_ptr<ProviderState> state_;
    LibCtxPtr context_;
    ProviderPtr default_;
    ProviderPtr own_;
};

// While it lives, token operations that OpenSSL starts on this thread end at `deadline`. Scopes nest; the
// inner one rules.
class DeadlineScope {
  public:
    explicit DeadlineScope(Deadline deadline);
    ~DeadlineScope();
    DeadlineScope(const DeadlineScope&) = delete;
    DeadlineScope& operator=(const DeadlineScope&) = delete;

  private:
    const Deadline* previous_;
    Deadline deadline_;
};

// A process-wide context that holds `default` alone: for parsing and verifying, where no token key takes
// part. Never freed: OpenSSL objects of static lifetime may still refer to it.
ossl_lib_ctx_st* software_context();

}  // namespace signet::provider
