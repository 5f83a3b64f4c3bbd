// `key_params` of users, and the bits of `key_flags` that they become.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/api/json.h"
#include "daemon/api/paycontrol/answer.h"

namespace signet::api::paycontrol {

namespace flag {
inline constexpr std::uint32_t kWithFingerPrint = 1U << 0;
inline constexpr std::uint32_t kCollectEvents = 1U << 1;
inline constexpr std::uint32_t kCollectDeviceInfo = 1U << 2;
inline constexpr std::uint32_t kCollectSimInfo = 1U << 3;
inline constexpr std::uint32_t kCollectLocation = 1U << 4;
inline constexpr unsigned kPassPolicyShift = 5;  // two bits, 0 to 3
inline constexpr std::uint32_t kDenyStoreWithOsProtection = 1U << 7;
inline constexpr std::uint32_t kDenyRenewPublicKey = 1U << 8;
inline constexpr std::uint32_t kScoringEnabled = 1U << 9;
inline constexpr std::uint32_t kAutosignEnabled = 1U << 10;
inline constexpr std::uint32_t kRemoteUpdateEnabled = 1U << 11;
inline constexpr std::uint32_t kServerSigner = 1U << 12;
inline constexpr unsigned kNfcPolicyShift = 13;  // two bits, 0 to 2
inline constexpr std::uint32_t kTelegramEnabled = 1U << 15;
inline constexpr std::uint32_t kOnlineCredentials = 1U << 16;
}  // namespace flag

// Of the member `key_params`, which may be absent or null: 0. Code 283 for a policy out of range and for server_signer
// together with with_finger_print or online_credentials, with which no signer could work.
Outcome<std::uint32_t> read_key_params(const JsonObject& body);
// As Get User Details shows them.
void write_key_params(JsonWriter& json, std::uint32_t flags);

}  // namespace signet::api::paycontrol
