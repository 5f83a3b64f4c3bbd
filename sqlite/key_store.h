// The registry of token keys: which versions a label has, and which of them is in use.
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

enum class KeyState : std::uint8_t {
    pending = 1,    // made, not yet in use
    active = 2,     // the one version of its label that signs
    retired = 3,    // verifies and decrypts what older versions made; makes nothing new
    disabled = 4,   // refused for everything, may come back
    destroyed = 5,  // gone from the token for good
};
std::string_view to_string(KeyState state);
std::optional<KeyState> key_state_from(std::string_view name);

struct StoredKey {
    std::string label{};
    std::uint32_t version = 1;
    std::string algorithm{};   // "ec-p256"
    std::uint16_t usages = 0;  // KeyUsages::bits
    KeyState state = KeyState::pending;
    // Since when the token lacks it. Its state is kept: the key comes back as what it was.
    std::optional<SystemTime> unavailable_since{};
    SystemTime created{};
    std::optional<SystemTime> activated{};  // when it first became active
    std::optional<SystemTime> not_after{};  // no longer used for anything new from here on
    Bytes public_key{};                     // DER SubjectPublicKeyInfo; empty for AES and HMAC keys
    std::string created_by{};               // principal
    std::uint64_t uses = 0;                 // as far as add_uses was told
    bool operator==(const StoredKey&) const = default;

    // "unavailable" while the token lacks it, else the state's name.
    std::string_view state_name() const;
};

namespace key_store {

// All versions of all labels, by label and version; destroyed ones too.
Result<std::vector<StoredKey>> list(Connection& db);
Result<std::vector<StoredKey>> versions(Connection& db, std::string_view label);
Result<std::optional<StoredKey>> find(Connection& db, std::string_view label, std::uint32_t version);
Result<std::optional<StoredKey>> active(Connection& db, std::string_view label);
// One more than the highest version the label ever had; 1 for a new label.
Result<std::uint32_t> next_version(Connection& db, std::string_view label);

// Error: already_exists.
Status insert(Transaction& transaction, const StoredKey& key);
// Makes a pending or disabled version the active one; the version that was active becomes retired.
// Errors: not_found, conflict (retired, destroyed or unavailable).
Status activate(Transaction& transaction, std::string_view label, std::uint32_t version, SystemTime now);
// pending, active, retired → disabled; active → retired; disabled → retired; anything but destroyed →
// destroyed. Errors: not_found, conflict.
Status set_state(Transaction& transaction, std::string_view label, std::uint32_t version, KeyState state);
// `since` nullopt: it is there again. Error: not_found.
Status set_unavailable(Transaction& transaction, std::string_view label, std::uint32_t version,
                       std::optional<SystemTime> since);
// Error: not_found.
Status set_not_after(Transaction& transaction, std::string_view label, std::uint32_t version,
                     std::optional<SystemTime> not_after);
Status add_uses(Transaction& transaction, std::string_view label, std::uint32_t version, std::uint64_t count);

}  // namespace key_store
}  // namespace signet::sqlite
