// Keys that live outside the token as blobs under a token key; what comes in thousands.
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

// The fields of signet::WrappedKey, whose MAC covers owner to blob: a row that was changed in the file does
// not unwrap.
struct StoredWrappedKey {
    std::int64_t id = 0;  // given by insert
    std::string owner{};
    std::string key_class{};
    std::uint32_t index = 0;
    std::uint32_t version = 1;
    std::string algorithm{};
    std::uint16_t usages = 0;
    std::string wrapping_label{};
    std::uint32_t wrapping_version = 1;
    std::string binding_label{};
    std::uint32_t binding_version = 1;
    Bytes blob{};
    Bytes mac{};
    Bytes public_key{};  // DER SubjectPublicKeyInfo or empty
    SystemTime created{};
    bool operator==(const StoredWrappedKey&) const = default;
};

namespace wrapped_key_store {

Result<std::optional<StoredWrappedKey>> find(Connection& db, std::string_view owner,
                                             std::string_view key_class, std::uint32_t index,
                                             std::uint32_t version);
// The highest version.
Result<std::optional<StoredWrappedKey>> latest(Connection& db, std::string_view owner,
                                               std::string_view key_class, std::uint32_t index);
Result<std::vector<StoredWrappedKey>> of_owner(Connection& db, std::string_view owner);
// Those still under this version of a wrapping key, by id, after `after`: for re-wrapping in the background.
Result<std::vector<StoredWrappedKey>> under(Connection& db, std::string_view wrapping_label,
                                            std::uint32_t version, std::int64_t after, std::size_t limit);
Result<std::uint64_t> count_under(Connection& db, std::string_view wrapping_label, std::uint32_t version);

// Returns the id. Error: already_exists (owner, class, index, version).
Result<std::int64_t> insert(Transaction& transaction, const StoredWrappedKey& key);
// Replaces blob, MAC and the names of the keys it is under, if it is still under what `before` says.
// Error: conflict (it changed or went meanwhile).
Status rewrap(Transaction& transaction, const StoredWrappedKey& before, const StoredWrappedKey& after);
// Error: not_found.
Status erase(Transaction& transaction, std::int64_t id);
// Returns how many went.
Result<std::size_t> erase_owner(Transaction& transaction, std::string_view owner);

}  // namespace wrapped_key_store
}  // namespace signet::sqlite
