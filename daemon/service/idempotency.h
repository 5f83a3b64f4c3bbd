// Idempotency keys: the same key and request from the same principal on the same route get the same answer for 24 hours.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "daemon/service/caller.h"
#include "daemon/service/keys.h"
#include "hsm/frames/token_interface.h"
#include "sqlite/idempotency_store.h"
#include "sqlite/writer.h"

namespace signet::service {

struct KeptAnswer {
    unsigned status = 0;
    std::string content_type;
    std::string body;
};

class Idempotency {
  public:
    struct Parts {
        TokenInterface& token;
        sqlite::Writer& writer;
        const Clock& clock;
        const Keys& keys;
        std::string seal_key;  // label; for answers that show a secret once
    };
    explicit Idempotency(Parts parts) : parts_(std::move(parts)) {}

    // Nothing of an earlier process is in flight any more, but what waits for an open intent. Called once, at start.
    Status release_in_flight();

    // The answer of an earlier request with this key, or nullopt: then the caller does the work and ends it with `finish`
    // or `release`. `request` is the SHA-256 of path and body. Errors: conflict (the first one is still under way),
    // unprocessable (the key was used for another request), invalid_argument (the key is not 1 to 255 printable ASCII
    // characters), the token's when it must be unsealed.
    Result<std::optional<KeptAnswer>> begin(const Caller& caller, const sqlite::IdempotencyScope& scope,
                                            const Sha256& request);
    // In the transaction of the work itself, so that both are durable together.
    Status finish(sqlite::Transaction& transaction, const sqlite::IdempotencyScope& scope,
                  const KeptAnswer& answer);
    // Afterwards; `secret` answers are encrypted under the seal key and kept for 10 minutes.
    Status finish(const Caller& caller, const sqlite::IdempotencyScope& scope, const KeptAnswer& answer,
                  bool secret);
    // The outcome is known when this intent is settled, whatever becomes of the request: until then the key is in flight.
    // In the transaction that opens the intent.
    Status bind(sqlite::Transaction& transaction, const sqlite::IdempotencyScope& scope, std::int64_t intent);
    // When it is settled, in that transaction; nullopt: the work was not done, the key may be used again.
    Status settle(sqlite::Transaction& transaction, std::int64_t intent,
                  const std::optional<KeptAnswer>& answer);
    // The work failed: the key may be used again.
    Status release(const sqlite::IdempotencyScope& scope);

  private:
    Parts parts_;
};

}  // namespace signet::service
