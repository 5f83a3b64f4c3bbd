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

    // Signs and anchors; the signature is given out once the anchor is on disk. token_refused for what does not continue
    // the anchored chain: a sequence that is not above the anchored one or too far above, another head for the same one,
    // another previous head. The same head again (the answer was lost in a crash) is signed again.
    Result<Bytes> sign(const CheckpointRequest& request);
    // nullopt for none. conflict when what is there cannot be read, or contradicts itself.
    Result<std::optional<Anchor>> read();
    // See TokenOperations::re_anchor.
    Result<TokenOperations::Reanchored> re_anchor(const Anchor& anchor, const std::string& reason);

  private:
    struct Stored;
    Result<std::optional<Anchor>> newest();
    static Status check_continues(const CheckpointRequest& request, const std::optional<Anchor>& last);
    Status store(const Anchor& anchor);
    pkcs11::CkResult<std::vector<Stored>> find(pkcs11::Session& session);

    TokenContext* context_;
    KeyCache* keys_;
    std::mutex mutex_;  // one checkpoint at a time
};

}  // namespace signet::token
