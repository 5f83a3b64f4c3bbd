// PayControl's operations: transactions that are confirmed or declined together, with one callback.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

enum class PcOperationStatus : std::uint8_t {
    initialized = 1,
    push_sent = 2,
    processed_partially = 3,
    processed = 4
};

struct PcOperation {
    std::int64_t id = 0;  // the row
    std::string operation_id{};
    std::string system_id{};
    std::string user_id{};
    PcOperationStatus status = PcOperationStatus::initialized;
    std::optional<std::string> description{};
    bool markdown = false;
    bool push = false;
    std::string callback_url{};  // empty: the system's
    std::uint32_t ttl = 0;
    bool extended = false;
    std::optional<std::uint32_t> code_length{};
    std::optional<std::string> app_extra{};
    std::optional<SystemTime> expires{};
    std::uint32_t unfinished = 0;  // of its transactions
    std::uint32_t total = 0;
    SystemTime created{};
    std::optional<SystemTime> ended{};
    bool operator==(const PcOperation&) const = default;
};

namespace paycontrol_operation_store {

// Returns the row. Error: already_exists.
Result<std::int64_t> insert(Transaction& transaction, const PcOperation& value);
Result<std::optional<PcOperation>> find(Connection& db, std::string_view system_id, std::string_view user_id,
                                        std::string_view operation_id);
// Ids of those that are not processed and did not expire, newest first.
Result<std::vector<std::string>> unfinished(Connection& db, std::string_view system_id,
                                            std::string_view user_id, SystemTime now, std::size_t limit);
// Counts `more` new transactions. Error: conflict (it was processed, or expired, meanwhile).
Status grow(Transaction& transaction, std::int64_t row, std::uint32_t more, SystemTime now);
// After transactions of it ended: the status that follows from how many are left.
Result<PcOperation> settle(Transaction& transaction, std::int64_t row, SystemTime now);
Result<std::vector<PcOperation>> expired(Connection& db, SystemTime now, std::size_t limit);
// At most `limit` that were created before and have no transactions any more. Returns how many went.
Result<std::size_t> prune(Transaction& transaction, SystemTime before, std::size_t limit);

}  // namespace paycontrol_operation_store
}  // namespace signet::sqlite
