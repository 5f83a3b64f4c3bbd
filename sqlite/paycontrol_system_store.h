// PayControl's systems: the applications that share one server.
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

struct PayControlSystem {
    std::string system_id{};
    std::string name{};
    std::string description{};
    SystemTime created{};
    SystemTime updated{};
    std::optional<SystemTime> deleted{};
    std::uint32_t key_lifetime = 365;  // user_keys_expiration_period, days
    std::string external_url{};        // pc_is_external_url
    std::string internal_url{};        // pc_is_internal_url
    std::string events_post_url{};
    std::string callback_url{};
    std::string report_template{};
    std::string license{};  // as it was signed; empty: none
    std::uint64_t license_users = 0;
    SystemTime license_expires{};
    std::uint64_t users = 0;  // that are not deleted
};

namespace paycontrol_system_store {

Result<std::optional<PayControlSystem>> find(Connection& db, std::string_view system_id);
Result<std::vector<PayControlSystem>> list(Connection& db, std::string_view after, std::size_t limit);
// Error: already_exists.
Status insert(Transaction& transaction, const PayControlSystem& system);
// Everything that PATCH may change, and `updated`. Error: not_found.
Status update(Transaction& transaction, const PayControlSystem& system);
// Changes the count of users by one in either direction.
Status count_user(Transaction& transaction, std::string_view system_id, int by);

}  // namespace paycontrol_system_store
}  // namespace signet::sqlite
