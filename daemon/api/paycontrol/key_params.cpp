#include "daemon/api/paycontrol/key_params.h"

#include <array>

#include "daemon/api/paycontrol/body.h"

namespace signet::api::paycontrol {
namespace {

struct Named {
    std::string_view name;
    std::uint32_t bit;
};
constexpr std::array kFlags{
    Named{"with_finger_print", flag::kWithFingerPrint},
    Named{"collect_events", flag::kCollectEvents},
    Named{"collect_device_info", flag::kCollectDeviceInfo},
    Named{"collect_device_SIM_info", flag::kCollectSimInfo},
    Named{"collect_device_location", flag::kCollectLocation},
    Named{"deny_store_with_OS_protection", flag::kDenyStoreWithOsProtection},
    Named{"deny_renew_public_key", flag::kDenyRenewPublicKey},
    Named{"scoring_enabled", flag::kScoringEnabled},
    Named{"autosign_enabled", flag::kAutosignEnabled},
    Named{"remote_update_enabled", flag::kRemoteUpdateEnabled},
    Named{"server_signer", flag::kServerSigner},
    Named{"telegram_enabled", flag::kTelegramEnabled},
    Named{"online_credentials", flag::kOnlineCredentials},
};
constexpr std::int64_t kMostPassPolicy = 3;
constexpr std::int64_t kMostNfcPolicy = 2;

}  // namespace

Outcome<std::uint32_t> read_key_params(const JsonObject& body) {
    const auto found = body.optional_object("key_params");
    if (!found) return fail(Code::json_request_incorrect, found.error().message);
    if (!*found) return 0U;
    const auto& params = **found;
    std::uint32_t flags = 0;
    for (const auto& [name, bit] : kFlags) {
        SIGNET_ASSIGN(const bool set, flag_of(params, name));
        if (set) flags |= bit;
    }
    // As elsewhere, the spelling of the samples.
    SIGNET_ASSIGN(const bool autosing, flag_of(params, "autosing_enabled"));
    if (autosing) flags |= flag::kAutosignEnabled;
    SIGNET_ASSIGN(const auto pass, number_of(params, "pass_policy", 0, kMostPassPolicy));
    SIGNET_ASSIGN(const auto nfc, number_of(params, "nfc_policy", 0, kMostNfcPolicy));
    flags |= static_cast<std::uint32_t>(pass.value_or(0)) << flag::kPassPolicyShift;
    flags |= static_cast<std::uint32_t>(nfc.value_or(0)) << flag::kNfcPolicyShift;
    if ((flags & flag::kServerSigner) != 0 &&
        (flags & (flag::kWithFingerPrint | flag::kOnlineCredentials)) != 0)
        return fail(Code::json_request_incorrect,
                    "server_signer goes with neither with_finger_print nor online_credentials");
    return flags;
}

void write_key_params(JsonWriter& json, std::uint32_t flags) {
    json.begin_object();
    for (const auto& [name, bit] : kFlags)
        json.member(name, (flags & bit) != 0);
    json.member("pass_policy", (flags >> flag::kPassPolicyShift) & 3U);
    json.member("nfc_policy", (flags >> flag::kNfcPolicyShift) & 3U);
    json.end_object();
}

}  // namespace signet::api::paycontrol
