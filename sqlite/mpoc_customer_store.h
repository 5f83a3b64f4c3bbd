// Customers of the MPoC AMS API and their API keys.
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

struct MpocCustomer {
    std::int64_t id = 0;  // given by insert
    std::string customer_id{};
    std::string name{};
    std::optional<SystemTime> disabled{};
    SystemTime created{};
};

struct MpocApiKey {
    std::string key_id{};  // 16 hex digits; the first part of the key
    std::int64_t customer = 0;
    Bytes mac{};  // HMAC-SHA-256 over the key, 32 bytes
    std::uint32_t mac_version = 1;
    std::string note{};
    SystemTime created{};
    std::optional<SystemTime> last_used{};
    std::optional<SystemTime> revoked{};
};

namespace mpoc_customer_store {

// Returns the row's id. Error: already_exists.
Result<std::int64_t> insert(Transaction& transaction, const MpocCustomer& customer);
Result<std::optional<MpocCustomer>> find(Connection& db, std::string_view customer_id);
Result<std::optional<MpocCustomer>> find(Connection& db, std::int64_t id);
// By row id, after `after`.
Result<std::vector<MpocCustomer>> list(Connection& db, std::int64_t after, std::size_t limit);
Status set_disabled(Transaction& transaction, std::int64_t id, std::optional<SystemTime> since);

Status insert_key(Transaction& transaction, const MpocApiKey& key);
Result<std::optional<MpocApiKey>> find_key(Connection& db, std::string_view key_id);
// All of a customer, oldest first, revoked ones too; at most `limit`.
Result<std::vector<MpocApiKey>> keys(Connection& db, std::int64_t customer, std::size_t limit);
Result<std::uint64_t> count_live_keys(Connection& db, std::int64_t customer);
// Errors: not_found, conflict (revoked already).
Status revoke_key(Transaction& transaction, std::int64_t customer, std::string_view key_id, SystemTime at);
// Kept to the minute: most uses of a key write nothing.
Status note_use(Transaction& transaction, std::string_view key_id, SystemTime at);

}  // namespace mpoc_customer_store
}  // namespace signet::sqlite
