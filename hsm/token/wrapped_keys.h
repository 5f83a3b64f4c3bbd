// Keys that live outside the token as blobs: made in the token, wrapped under a token key, bound to their owner by a
// MAC, and unwrapped into session objects for as long as they are in use.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/token/key_cache.h"
#include "hsm/token/token_context.h"

namespace signet::token {

// What the binding's MAC covers: "signet-wrapped-key-1", then wrapping key, binding key, owner, class, index, version,
// algorithm, usages and blob; each text and the blob with its length, so that no two different keys give the same bytes.
Bytes binding_message(const WrappedKey& key);

class WrappedKeys {
  public:
    WrappedKeys(TokenContext& context, KeyCache& keys) : context_(&context), keys_(&keys) {}

    Result<GeneratedWrappedKey> generate(const GenerateWrappedRequest& request);
    Result<WrappedKey> rewrap(const RewrapRequest& request);

    // The MAC over binding and blob, by the key's binding key.
    Result<Bytes> bind(const WrappedKey& key);
    // The wrapping key's object, after a look whether this pair may wrap and bind: before anything is made or let in.
    Result<std::shared_ptr<const TokenKey>> check_pair(const KeyId& wrapping_key, const KeyId& binding_key);
    // Keys on their way out and in, under a key of 32 bytes that lives for the call alone. RFC 3394.
    Result<std::vector<Bytes>> wrap_under(const Secret& kek, const std::vector<WrappedKey>& keys);
    Result<WrappedKey> take_in(const Secret& kek, ByteView blob, GenerateWrappedRequest as);
    Result<WrappedKey> derive(const DeriveSecretRequest& request);

    // A live session object; the binding's MAC was verified. token_refused when it does not fit.
    Result<std::shared_ptr<const UsableKey>> get(const WrappedKey& key);
    void drop(const WrappedKey& key);
    // Everything that was unwrapped with, or bound by, this token key.
    void forget(const KeyId& token_key);

    std::size_t live() const;

  private:
    struct Live {
        Sha256 fingerprint;
        KeyId wrapping_key;
        KeyId binding_key;
        std::shared_ptr<const UsableKey> key;
    };
    struct FingerprintHash {
        std::size_t operator()(const Sha256& fingerprint) const;
    };
    using Usage = std::list<Live>;  // most recently used first

    Status verify(const WrappedKey& key);
    // Key wrap with a key of usage wrap; `operation(session, handle of that key)`.
    template <class Operation>
    auto with_wrapping_key(const KeyId& id, std::string_view what, Operation operation);
    Result<std::shared_ptr<const UsableKey>> unwrap(const WrappedKey& key);

    TokenContext* context_;
    KeyCache* keys_;
    mutable std::mutex mutex_;
    Usage usage_;
    std::unordered_map<Sha256, Usage::iterator, FingerprintHash> live_;
    std::uint64_t forgotten_ = 0;  // calls of `forget`: what was unwrapped before one is not kept after it
};

}  // namespace signet::token
