// PayControl's users, their key sets and their public keys. The secrets are in wrapped_key_store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct PayControlUser {
    std::int64_t number = 0;  // given by insert
    std::string user_id{};    // unique in the whole installation
    std::string system_id{};
    std::string name{};
    bool blocked = false;
    std::string blocked_why{};
    SystemTime created{};
    SystemTime updated{};
    std::optional<SystemTime> deleted{};
    std::int64_t active_key = 0;   // PayControlKey::key_id
    std::int64_t delayed_key = 0;  // 0: none
    std::string device_type{};
    std::string device_push_id{};
    std::string app_id{};
    std::string signer_url{};
    std::uint32_t code_failures = 0;
    std::optional<SystemTime> code_locked{};
};

enum class PayControlKeyState : std::uint8_t { active = 1, delayed = 2, ended = 3 };

struct PayControlKey {
    std::int64_t key_id = 0;  // given by insert
    std::int64_t user = 0;    // PayControlUser::number
    std::uint32_t key_index = 1;
    std::uint32_t type = 0;   // 0 ECDSA, 1 GOST
    std::uint32_t flags = 0;  // key_flags
    PayControlKeyState state = PayControlKeyState::active;
    std::uint32_t version = 1;  // of the wrapped keys
    SystemTime created{};
    std::optional<SystemTime> activated{};
    std::optional<SystemTime> ended{};
    SystemTime expires{};
    std::string app_extra{};
    std::string device_fingerprint{};  // hex
    Bytes activation_mac{};            // empty: none
    std::uint32_t activation_tries = 0;
    Bytes release_key{};   // sealed
    Bytes password_mac{};  // empty: none
    std::uint32_t password_tries = 0;
    Bytes challenge{};  // of a renewal that has begun
    std::optional<SystemTime> challenge_expires{};
};

struct PayControlPublicKey {
    std::int64_t public_key_id = 0;
    std::int64_t key_id = 0;
    bool autosign = false;
    Bytes spki{};  // DER
    SystemTime created{};
    std::optional<SystemTime> ended{};
};

namespace paycontrol_user_store {

Result<std::optional<PayControlUser>> find(Connection& db, std::string_view user_id);
Result<std::optional<PayControlKey>> find_key(Connection& db, std::int64_t key_id);
Result<std::optional<PayControlKey>> find_key(Connection& db, std::int64_t user, std::uint32_t key_index);
// The one that was in force at `time` (conflict resolving).
Result<std::optional<PayControlKey>> key_at(Connection& db, std::int64_t user, SystemTime time);
Result<std::uint32_t> last_key_index(Connection& db, std::int64_t user);
// The one in force.
Result<std::optional<PayControlPublicKey>> public_key(Connection& db, std::int64_t key_id, bool autosign);
// The one that was in force at `time`.
Result<std::optional<PayControlPublicKey>> public_key_at(Connection& db, std::int64_t key_id, bool autosign,
                                                         SystemTime time);

// Returns the number. Error: already_exists.
Result<std::int64_t> insert(Transaction& transaction, const PayControlUser& user);
// Everything but ids and `created`.
Status update(Transaction& transaction, const PayControlUser& user);
// Returns the key_id. Error: already_exists (user, key_index).
Result<std::int64_t> insert_key(Transaction& transaction, const PayControlKey& key);
// Everything but ids and `created`.
Status update_key(Transaction& transaction, const PayControlKey& key);
// Ends the one in force, if any, and puts `key` in its place. Returns the id.
Result<std::int64_t> set_public_key(Transaction& transaction, const PayControlPublicKey& key);
Status end_public_keys(Transaction& transaction, std::int64_t key_id, SystemTime now);

}  // namespace paycontrol_user_store
}  // namespace signet::sqlite
