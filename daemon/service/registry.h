// All token keys as one immutable picture in memory, so that a request asks neither SQLite nor the token what a label means.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "hsm/frames/key_types.h"
#include "sqlite/key_store.h"

namespace signet::service {

using sqlite::KeyState;

// Uses that are not in the database yet. Shared by successive pictures.
using UseCounter = std::atomic<std::uint64_t>;

struct KeyVersion {
    KeyId id;
    KeyAlgorithm algorithm = KeyAlgorithm::ec_p256;
    KeyUsages usages;
    KeyState state = KeyState::pending;
    bool available = true;  // the token has it
    SystemTime created{};
    std::optional<SystemTime> activated;
    std::optional<SystemTime> not_after;  // makes nothing new from here on
    Bytes public_key;                     // DER SubjectPublicKeyInfo; empty for secret keys
    std::string created_by;
    std::uint64_t uses = 0;  // as the database has it
    std::shared_ptr<UseCounter> new_uses;

    std::string_view state_name() const;  // "unavailable" where the token lacks it
    KeyInfo info() const;
};

struct Key {
    std::string label;
    std::vector<KeyVersion> versions;  // ascending; at least one

    const KeyVersion* active() const;  // null when no version is
    // What a listing shows: the active version, else the newest one.
    const KeyVersion& shown() const;
    const KeyVersion* find(std::uint32_t version) const;
};

// A version in use keeps its picture alive.
using KeyPtr = std::shared_ptr<const KeyVersion>;

class Registry {
  public:
    Registry() = default;
    Registry(std::vector<sqlite::StoredKey> rows, const Registry* before);

    std::shared_ptr<const Key> find(std::string_view label) const;
    // By label.
    const std::vector<std::shared_ptr<const Key>>& keys() const { return sorted_; }

  private:
    std::vector<std::shared_ptr<const Key>> sorted_;
    std::unordered_map<std::string_view, std::shared_ptr<const Key>>
        by_label_;  // views into the keys themselves
};

}  // namespace signet::service
