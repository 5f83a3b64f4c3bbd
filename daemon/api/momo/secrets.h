// Keys that are shown once and kept as MACs under a token key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/api/momo/context.h"

namespace signet::api::momo {

struct MadeSecret {
    std::string text;  // 32 hex digits; to be shown once
    Bytes mac;
    std::uint32_t mac_version = 1;
};

Result<MadeSecret> make_subscription_key(Services& services, const config::Momo& settings, Deadline deadline);
Result<MadeSecret> make_api_key(Services& services, const config::Momo& settings, std::string_view user,
                                Deadline deadline);

// The subscription that a key opens; nullopt when none does. One MAC for each version of the token key that is in use.
Result<std::optional<sqlite::MomoSubscription>> find_subscription(Services& services,
                                                                  const config::Momo& settings,
                                                                  std::string_view key, Deadline deadline);
// Whether `key` is the user's API key. As slow for a user that does not exist or has none.
Result<bool> check_api_key(Services& services, const config::Momo& settings,
                           const std::optional<sqlite::MomoUser>& user, std::string_view id,
                           std::string_view key, Deadline deadline);

}  // namespace signet::api::momo
