// Signatures over messages with a store's keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/api/mypos/context.h"
#include "daemon/api/mypos/message.h"

namespace signet::api::mypos {

inline constexpr std::string_view kKeyClass = "mypos.store";
std::string key_owner(std::string_view store);

struct Signed {
    std::string signature;  // base64
    std::uint64_t audit = 0;
};
// With our key. Errors: not_found, conflict (it is retired), the token's, storage_*.
Result<Signed> sign(Context& context, const Exchange& exchange, std::string_view action,
                    const sqlite::MyposKey& key, const Message& message);
// With the other side's key: as it stands, then with HTML entities replaced. False for a message without a signature.
// Error: conflict (the other side's key is not known yet).
Result<bool> verify(const sqlite::MyposKey& key, const Message& message);

}  // namespace signet::api::mypos
