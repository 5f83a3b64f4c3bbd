// What a token that can give keys into a backup can be asked besides: TokenInterface implementations that can do it implement
// this one too.
#pragma once

#include "hsm/frames/token_interface.h"

namespace signet {

// A key wrapped under the backup key, for a restore into another token. The worker holds the backup key only while custodians'
// shares have given it (hsm/custody).
struct BackedUpKey {
    KeyInfo key;  // attributes as the token reported them
    Bytes
        blob;  // RFC 5649: AES-256 key wrap with padding; PKCS#8 for private keys, the value for secret ones
    Bytes
        mac;  // HMAC-SHA-256 under a key derived from the backup key, over name, algorithm, usages, public key and blob
};

class BackupInterface {
  public:
    virtual ~BackupInterface() = default;
    // Only for keys made extractable. failed_precondition while the worker has no backup key.
    virtual Result<BackedUpKey> wrap_for_backup(const KeyId& id, Deadline deadline) = 0;
    // token_refused when the MAC does not fit; already_exists when the name is taken. The key stays extractable.
    virtual Result<KeyInfo> restore_key(const BackedUpKey& key, Deadline deadline) = 0;
};

}  // namespace signet
