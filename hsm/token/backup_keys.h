// Keys on their way into a backup and out of it, wrapped under a backup key that only custodians' shares give.
//
// The backup key is a session object for wrapping and unwrapping and nothing else. Key wrap has no associated data, so a MAC
// under a key derived from the same shares says which key a blob is; both are gone when the key is forgotten.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/secret.h"
#include "hsm/frames/backup_interface.h"
#include "hsm/token/key_cache.h"
#include "hsm/token/token_context.h"

namespace signet::token {

// What the MAC covers: "signet-backup-1", label, version, algorithm, usages, public key and blob, each with its length.
Bytes backup_message(const BackedUpKey& key);
// HMAC-SHA-256 of it under HMAC-SHA-256(backup key, "signet-backup-binding-1").
Sha256 backup_mac(const Secret& backup_key, const BackedUpKey& key);

class BackupKeys {
  public:
    BackupKeys(TokenContext& context, KeyCache& keys) : context_(&context), keys_(&keys) {}

    // 32 bytes; empty: forgotten.
    Status set_key(const Secret& key);
    Result<BackedUpKey> wrap(const KeyId& id);
    Result<KeyInfo> restore(const BackedUpKey& backed_up);

  private:
    struct Material {
        Secret key;
        SessionObject object;
    };
    Result<std::shared_ptr<Material>> material() const;

    TokenContext* context_;
    KeyCache* keys_;
    mutable std::mutex mutex_;
    std::shared_ptr<Material> material_;
    std::mutex restoring_;  // one at a time
};

}  // namespace signet::token
