// The audit chain's anchor: the highest signed head, kept in the token as a data object, so that a database put back to
// an older state shows.
#pragma once

#include <mutex>
#include <optional>

#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/token/key_cache.h"
#include "hsm/token/token_context.h"

namespace signet::token {

class Checkpoints {
  public:
    Checkpoints(TokenContext& context, KeyCache& keys) : context_(&context), keys_(&keys) {}

    // Signs and anchors; the signature is given out once the anchor is on disk. A sequence below the anchored one is
    // refused with token_refused, and so is the same sequence with another head; the same head again (the answer was
    // lost in a crash) is signed again.
    Result<Bytes> sign(const CheckpointRequest& request);
    Result<std::optional<Anchor>> read();

  private:
    struct Stored;
    pkcs11::CkResult<std::vector<Stored>> find(pkcs11::Session& session);

    TokenContext* context_;
    KeyCache* keys_;
    std::mutex mutex_;  // one checkpoint at a time
};

}  // namespace signet::token
