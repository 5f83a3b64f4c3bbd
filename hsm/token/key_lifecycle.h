// Making and destroying token keys so that a process killed at any point leaves nothing that looks like a key.
//
// A key exists if and only if its private or secret object carries the final label. Objects are made under a provisional
// label; then the public object is renamed, then the private one: that is the commit. Destroying goes the other way.
#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/token/key_cache.h"
#include "hsm/token/token_context.h"

namespace signet::token {

class KeyLifecycle {
  public:
    KeyLifecycle(TokenContext& context, KeyCache& keys) : context_(&context), keys_(&keys) {}

    // Errors: already_exists; conflict while another thread makes or destroys the same key.
    Result<KeyInfo> generate(const GenerateKeyRequest& request);
    Status destroy(const KeyId& id);

    struct Swept {
        std::uint32_t provisional = 0;  // objects of generations that did not end
        std::uint32_t orphans = 0;      // public keys and certificates whose private key is gone
    };
    // At a cold start, over all that the keys' first reading found.
    Result<Swept> sweep(const std::vector<KeyCache::Object>& objects);

  private:
    // Holds a key's name while it is made or destroyed.
    class Reservation;

    TokenContext* context_;
    KeyCache* keys_;
    std::mutex mutex_;
    std::set<KeyId> reserved_;
};

}  // namespace signet::token
