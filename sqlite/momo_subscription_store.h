// MoMo subscriptions: a merchant's access to a product, by either of two keys.
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

struct MomoSubscription {
    std::string id{};
    std::string name{};      // for people
    std::string merchant{};  // a principal of the policy
    std::string product{};   // "collection", "disbursement" or "remittance"
    SystemTime created{};
    std::string created_by{};
    std::optional<SystemTime> revoked{};
    bool operator==(const MomoSubscription&) const = default;
};

enum class MomoSlot : std::uint8_t { primary = 1, secondary = 2 };
std::string_view to_string(MomoSlot slot);
std::optional<MomoSlot> momo_slot_from(std::string_view name);

struct MomoSubscriptionKey {
    MomoSlot slot = MomoSlot::primary;
    Bytes mac{};                    // 32 bytes, of the key
    std::uint32_t mac_version = 1;  // of the token key that made it
    SystemTime created{};
};

namespace momo_subscription_store {

Status insert(Transaction& transaction, const MomoSubscription& subscription,
              const std::vector<MomoSubscriptionKey>& keys);
// Replaces one of the two; the other stays. Error: not_found (no such subscription, or it is revoked).
Status rotate(Transaction& transaction, std::string_view id, const MomoSubscriptionKey& key);
// Its keys go. Error: not_found, also when it is revoked already.
Status revoke(Transaction& transaction, std::string_view id, SystemTime now);

Result<std::optional<MomoSubscription>> find(Connection& db, std::string_view id);
// The one that a key with this MAC opens; revoked ones have no keys.
Result<std::optional<MomoSubscription>> find_by_mac(Connection& db, ByteView mac);
// By id after `after`; of one merchant, or of all when it is empty.
Result<std::vector<MomoSubscription>> list(Connection& db, std::string_view merchant, std::string_view after,
                                           std::size_t limit);

}  // namespace momo_subscription_store
}  // namespace signet::sqlite
