// The token's keys by label and version, with their handles: the token is searched at the start and for keys that are
// not known yet, never for each request (C_FindObjects takes 14.6 ms among 1,000 objects, a cached handle nothing).
#pragma once

#include <p11-kit/pkcs11.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "hsm/frames/key_types.h"
#include "hsm/token/key_metadata.h"
#include "hsm/token/token_context.h"

namespace signet::token {

// A key ready for use, whether it is a token's object or was unwrapped for a while.
class UsableKey {
  public:
    UsableKey(std::string name, KeyAlgorithm algorithm, KeyUsages usages)
        : name_(std::move(name)), algorithm_(algorithm), usages_(usages) {}
    virtual ~UsableKey() = default;
    UsableKey(const UsableKey&) = delete;
    UsableKey& operator=(const UsableKey&) = delete;

    virtual CK_OBJECT_HANDLE handle() const = 0;
    const std::string& name() const { return name_; }  // for messages
    KeyAlgorithm algorithm() const { return algorithm_; }
    KeyUsages usages() const { return usages_; }

  private:
    std::string name_;
    KeyAlgorithm algorithm_;
    KeyUsages usages_;
};

class TokenKey final : public UsableKey {
  public:
    TokenKey(TokenContext& context, KeyInfo info, Bytes cka_id, CK_OBJECT_HANDLE object);

    const KeyInfo& info() const { return info_; }
    const Bytes& cka_id() const { return cka_id_; }
    CK_OBJECT_HANDLE object() const { return object_; }
    // The session copy where there is one, made at the first use; otherwise the token's object.
    CK_OBJECT_HANDLE handle() const override;

  private:
    TokenContext* context_;
    KeyInfo info_;
    Bytes cka_id_;
    CK_OBJECT_HANDLE object_;
    mutable std::once_flag copy_once_;
    mutable std::optional<SessionObject> copy_;
};

class KeyCache {
  public:
    explicit KeyCache(TokenContext& context) : context_(&context) {}

    // An object of ours as the token has it, whatever it is.
    struct Object {
        CK_OBJECT_HANDLE handle;
        CK_OBJECT_CLASS object_class;
        Bytes cka_id;
        bool provisional;
    };
    // Reads what the token has; keys that are known already keep their entry, keys that are gone lose it. `objects` gets
    // every object of ours that was not known yet. One search and two reads an object: SoftHSM opens an object's file
    // each time it looks at it, in a search for others too, and most of a start went there.
    Status refresh(std::vector<Object>* objects = nullptr);

    // From memory, else from the token. Errors: not_found; conflict when the token has two keys of this name;
    // token_unavailable when all known keys vanished at once, because then it is the token that is gone.
    Result<std::shared_ptr<const TokenKey>> get(const KeyId& id);
    // As `get`, and the token is asked whether the object is still there.
    Result<std::shared_ptr<const TokenKey>> get_existing(const KeyId& id);

    // Takes up a key that was just made in `session`; `public_key` is CK_INVALID_HANDLE for secret keys.
    pkcs11::CkResult<std::shared_ptr<const TokenKey>> add(pkcs11::Session& session, CK_OBJECT_HANDLE key,
                                                          CK_OBJECT_HANDLE public_key);

    // Keeps a name out while its objects are destroyed: what another thread read a moment before would otherwise come back,
    // with a session copy that outlives the key. Meanwhile `get` answers conflict.
    class Closing {
      public:
        Closing(KeyCache& keys, KeyId id);
        ~Closing();
        Closing(const Closing&) = delete;
        Closing& operator=(const Closing&) = delete;

      private:
        KeyCache* keys_;
        KeyId id_;
    };

    // The entry whose handle turned out stale, if it is still the one in use.
    void drop(const TokenKey& key);
    void forget(const KeyId& id);

    std::vector<std::shared_ptr<const TokenKey>> all() const;  // by name and version
    std::optional<KeyId> any() const;
    std::size_t size() const;

  private:
    struct Hash {
        std::size_t operator()(const KeyId& id) const {
            return std::hash<std::string>{}(id.label) ^ (std::size_t{id.version} * 0x9E3779B97F4A7C15U);
        }
    };
    using Entry = std::shared_ptr<const TokenKey>;
    using Entries = std::unordered_map<KeyId, Entry, Hash>;

    Result<Entry> search(const KeyId& id);
    void insert(const Entry& entry);
    std::uint64_t destroyed() const;

    TokenContext* context_;
    mutable std::shared_mutex mutex_;
    Entries entries_;
    // Names that more than one object carries: using either could be the wrong one.
    std::unordered_set<KeyId, Hash> ambiguous_;
    std::unordered_set<KeyId, Hash> closing_;
    // Objects that are no keys: public keys, certificates, others' objects. Not read again.
    std::unordered_set<CK_OBJECT_HANDLE> others_;
    // Destructions that ended: what was read from the token before the last one is read again.
    std::uint64_t destroyed_ = 0;
};

}  // namespace signet::token
