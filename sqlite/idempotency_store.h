// Idempotency keys: the same key and body from the same principal on the same route get the same answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct IdempotencyScope {
    std::string principal{};
    std::string route{};  // verb and pattern: "POST /v1/ca/{label}/certificates"
    std::string key{};    // as the client sent it; 255 bytes at most
};

struct IdempotentAnswer {
    unsigned status = 0;
    std::string content_type{};
    Bytes body{};         // sealed: encrypted under a token key
    bool sealed = false;  // the answer shows a secret once
    bool operator==(const IdempotentAnswer&) const = default;
};

namespace idempotency_store {

struct Fresh {};      // nobody used it; it is now in flight
struct InFlight {};   // the first request has not ended: 409
struct Different {};  // the key was used with another body: 422
using Claim = std::variant<Fresh, InFlight, Different, IdempotentAnswer>;

// An expired row counts as none. `request` is the SHA-256 of the path and body.
Result<Claim> claim(Transaction& transaction, const IdempotencyScope& scope, const Sha256& request,
                    SystemTime now, SystemTime expires);
// Keeps the answer until `expires`. Error: not_found (it was never claimed, or expired).
Status finish(Transaction& transaction, const IdempotencyScope& scope, const IdempotentAnswer& answer,
              SystemTime expires);
// The outcome may become known only when this intent is settled, perhaps after a restart: until then the key stays in
// flight. Error: not_found (it was never claimed).
Status bind(Transaction& transaction, const IdempotencyScope& scope, std::int64_t intent);
// As finish and release, for the key that is bound to the intent; nothing happens where none is.
Status finish_bound(Transaction& transaction, std::int64_t intent, const IdempotentAnswer& answer,
                    SystemTime expires);
Status release_bound(Transaction& transaction, std::int64_t intent);
// The request failed in a way that may be tried again.
Status release(Transaction& transaction, const IdempotencyScope& scope);
// At start: nothing is in flight any more but what is bound to an open intent; returns how many were released.
Result<std::size_t> release_in_flight(Transaction& transaction);

}  // namespace idempotency_store
}  // namespace signet::sqlite
