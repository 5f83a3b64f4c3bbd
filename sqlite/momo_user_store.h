// MoMo API users, each with at most one API key alive, and the access tokens that were issued to them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "sqlite/connection.h"
#include "sqlite/writer.h"

namespace signet::sqlite {

struct MomoKey {
    std::string id{};               // random; tokens name the key they were issued for
    Bytes mac{};                    // 32 bytes, of user and key
    std::uint32_t mac_version = 1;  // of the token key that made it
    SystemTime created{};
    bool operator==(const MomoKey&) const = default;
};

struct MomoUser {
    std::string id{};        // a UUID in lower case
    std::string merchant{};  // whose it is
    std::string callback_host{};
    std::string environment{};
    SystemTime created{};
    std::string created_by{};
    std::optional<SystemTime> revoked{};
    std::optional<MomoKey> key{};
    bool operator==(const MomoUser&) const = default;
};

struct MomoToken {
    std::string user{};
    std::string product{};
    std::string id{};      // `jti`
    std::string key_id{};  // MomoKey::id
    SystemTime issued{};
    SystemTime expires{};
    Sha256 digest{};           // SHA-256 of the token
    std::string seal_label{};  // the token key that `sealed` is under
    std::uint32_t seal_version = 1;
    Bytes sealed{};  // the token
};

namespace momo_user_store {

// Error: already_exists, also for an id whose user was revoked.
Status insert(Transaction& transaction, const MomoUser& user);
Result<std::optional<MomoUser>> find(Connection& db, std::string_view id);
// By id after `after`; of one merchant, or of all when it is empty.
Result<std::vector<MomoUser>> list(Connection& db, std::string_view merchant, std::string_view after,
                                   std::size_t limit);
// Replaces the key; the tokens of the earlier one go. Error: not_found (no such user, or it is revoked).
Status set_key(Transaction& transaction, std::string_view id, const MomoKey& key);
// The key and its tokens go. Error: not_found (no such user, or it has none).
Status drop_key(Transaction& transaction, std::string_view id);
// The user stays as a name that is taken; key and tokens go. Error: not_found.
Status revoke(Transaction& transaction, std::string_view id, SystemTime now);

// The token of a user for a product, whether it has expired or not.
Result<std::optional<MomoToken>> find_token(Connection& db, std::string_view user, std::string_view product);
// Error: conflict (the user has not, or no longer, the key that the token names).
Status put_token(Transaction& transaction, const MomoToken& token);
// At most `limit` tokens that expired before `now`; returns how many went.
Result<std::uint64_t> prune_tokens(Transaction& transaction, SystemTime now, std::size_t limit);

}  // namespace momo_user_store
}  // namespace signet::sqlite
