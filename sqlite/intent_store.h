// Intents: what was about to change the token. Committed before the effect, settled after it, resolved at
// start.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct Intent {
    std::int64_t id = 0;   // given by open
    std::string action{};  // "keys.create"
    std::string object{};  // "device.ca/2"
    std::string principal{};
    std::string request_id{};
    std::string
        parameters{};  // JSON: what start-up needs to finish or undo it; never a secret; 16 KiB at most
    SystemTime opened{};
    std::uint64_t audit = 0;  // sequence number of the intent's audit record
    bool operator==(const Intent&) const = default;
};

namespace intent_store {

// Returns the id. Error: conflict, if an intent on the same object is open.
Result<std::int64_t> open(Transaction& transaction, const Intent& intent);
// `outcome` is "ok" or "failed". Error: not_found (no such open intent).
Status settle(Transaction& transaction, std::int64_t id, std::string_view outcome, SystemTime now);
Result<std::vector<Intent>> list_open(Connection& db);

}  // namespace intent_store
}  // namespace signet::sqlite
