// Messages that must reach another system at least once, in order for each destination.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

enum class OutboxState : std::uint8_t { waiting = 1, delivered = 2, dead = 3 };
std::string_view to_string(OutboxState state);

struct OutboxMessage {
    std::int64_t id = 0;        // given by enqueue; rising, so it is the order
    std::string destination{};  // a name or URL; messages to one destination go one after the other
    std::string kind{};         // "momo.callback", …: who prepares it, and who is told how it went
    std::string verb{"POST"};
    std::string url{};
    std::string headers{};  // "Name: value\r\n"…; never a secret
    Bytes body{};           // 1 MiB at most
    std::string context{};  // for the family that gets the outcome; 4 KiB at most
    OutboxState state = OutboxState::waiting;
    std::uint32_t attempts = 0;
    SystemTime created{};  // or revived
    SystemTime next_at{};  // not before
    std::string last_error{};
    bool operator==(const OutboxMessage&) const = default;
};

namespace outbox_store {

// Returns the id. Errors: too_large.
Result<std::int64_t> enqueue(Transaction& transaction, const OutboxMessage& message);
// The oldest waiting message of each destination that is due, at most `limit`: a destination whose oldest one
// backs off holds its later ones back.
Result<std::vector<OutboxMessage>> due(Connection& db, SystemTime now, std::size_t limit);
// When `due` has something next, if nothing else is enqueued.
Result<std::optional<SystemTime>> next_due(Connection& db);
// Errors: not_found (no such waiting message).
Status delivered(Transaction& transaction, std::int64_t id, SystemTime now);
Status back_off(Transaction& transaction, std::int64_t id, SystemTime next_at, std::string_view error);
Status bury(Transaction& transaction, std::int64_t id, SystemTime now, std::string_view error);
// A dead letter waits again, at its old place in the order and as long as a new one. Error: not_found.
Status revive(Transaction& transaction, std::int64_t id, SystemTime now);
// By id after `after`; of one state, or of all.
Result<std::vector<OutboxMessage>> list(Connection& db, std::optional<OutboxState> state, std::int64_t after,
                                        std::size_t limit);
struct Counts {
    std::uint64_t waiting = 0;
    std::uint64_t dead = 0;
};
Result<Counts> counts(Connection& db);

}  // namespace outbox_store
}  // namespace signet::sqlite
