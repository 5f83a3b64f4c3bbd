#include "daemon/api/momo/secrets.h"

#include <ranges>

#include "base/encoding.h"
#include "base/random.h"
#include "base/secret.h"
#include "daemon/service/keys.h"
#include "sqlite/read_pool.h"

namespace signet::api::momo {
namespace {

constexpr std::size_t kKeyBytes = 16;

// What is authenticated names the kind of secret, so that one never passes for another.
Bytes subscription_message(std::string_view key) {
    Bytes out = to_bytes("signet.momo.subscription");
    out.push_back(0);
    out.insert(out.end(), key.begin(), key.end());
    return out;
}

Bytes api_key_message(std::string_view user, std::string_view key) {
    Bytes out = to_bytes("signet.momo.apikey");
    out.push_back(0);
    out.insert(out.end(), user.begin(), user.end());
    out.push_back(0);
    out.insert(out.end(), key.begin(), key.end());
    return out;
}

std::string random_key() {
    auto bytes = random_bytes(kKeyBytes);
    auto text = to_hex(bytes);
    wipe(bytes);
    return text;
}

Result<MadeSecret> with_mac(Services& services, const config::Momo& settings, std::string text, Bytes message,
                            Deadline deadline) {
    SIGNET_ASSIGN(const auto key, services.keys.active(settings.mac_key, KeyUsage::mac));
    auto mac = services.token.mac({key->id, MacAlgorithm::hs256, message}, deadline);
    wipe(message);
    if (!mac) return std::unexpected(std::move(mac).error());
    return MadeSecret{std::move(text), *std::move(mac), key->id.version};
}

}  // namespace

Result<MadeSecret> make_subscription_key(Services& services, const config::Momo& settings,
                                         Deadline deadline) {
    auto text = random_key();
    auto message = subscription_message(text);
    return with_mac(services, settings, std::move(text), std::move(message), deadline);
}

Result<MadeSecret> make_api_key(Services& services, const config::Momo& settings, std::string_view user,
                                Deadline deadline) {
    auto text = random_key();
    auto message = api_key_message(user, text);
    return with_mac(services, settings, std::move(text), std::move(message), deadline);
}

Result<std::optional<sqlite::MomoSubscription>> find_subscription(Services& services,
                                                                  const config::Momo& settings,
                                                                  std::string_view key, Deadline deadline) {
    SIGNET_ASSIGN(const auto mac_key, services.keys.find(settings.mac_key));
    const auto message = subscription_message(key);
    for (const auto& version : std::views::reverse(mac_key->versions)) {
        const bool in_use =
            version.state == service::KeyState::active || version.state == service::KeyState::retired;
        if (!in_use || !version.available) continue;
        SIGNET_ASSIGN(const auto mac,
                      services.token.mac({version.id, MacAlgorithm::hs256, message}, deadline));
        SIGNET_ASSIGN(const auto db, services.readers.lease());
        SIGNET_ASSIGN(auto found, sqlite::momo_subscription_store::find_by_mac(*db, mac));
        if (found) return found;
    }
    return std::nullopt;
}

Result<bool> check_api_key(Services& services, const config::Momo& settings,
                           const std::optional<sqlite::MomoUser>& user, std::string_view id,
                           std::string_view key, Deadline deadline) {
    const bool known = user && !user->revoked && user->key;
    const Bytes nothing(32, 0);
    const auto version = known ? std::optional(user->key->mac_version) : std::nullopt;
    SIGNET_ASSIGN(const auto mac_key, services.keys.existing(settings.mac_key, KeyUsage::mac, version));
    SIGNET_ASSIGN(const bool right,
                  services.token.mac_verify({mac_key->id, MacAlgorithm::hs256, api_key_message(id, key)},
                                            known ? ByteView(user->key->mac) : ByteView(nothing), deadline));
    return right && known;
}

}  // namespace signet::api::momo
