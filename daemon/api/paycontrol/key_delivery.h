// How a user's keys reach a device: return_key_method, the key JSON, QR codes and deep links.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/api/json.h"
#include "daemon/api/paycontrol/context.h"
#include "sqlite/wrapped_key_store.h"

namespace signet::api::paycontrol {

enum class ReturnMethod : std::uint8_t { full_qr, qr_with_code, key_json, deep_link, deep_link_with_code };

struct DeliveryRequest {
    ReturnMethod method = ReturnMethod::key_json;
    std::uint32_t code_length = 8;
    std::string password{};      // of KEY_JSON
    std::string url_template{};  // may be empty for QR codes
    std::string app_extra{};     // as sent, variables not replaced yet

    bool clear() const { return method == ReturnMethod::full_qr || method == ReturnMethod::deep_link; }
    std::string_view name() const;  // "FULL_QR"
    ~DeliveryRequest();             // the password is wiped
    DeliveryRequest() = default;
    DeliveryRequest(DeliveryRequest&&) = default;
    DeliveryRequest& operator=(DeliveryRequest&&) = default;
};
// Codes: 263 (no or unknown return_key_method), 237 and 264 (password or code length), 333 (no url_template).
Outcome<DeliveryRequest> read_delivery(const JsonObject& body);

// Keys in clear: only where signetd.yaml has clear_keys and the policy grants paycontrol.users.reveal. Codes: 289, 288.
Outcome<void> allow_clear_keys(Call& call);

// Both secrets of a key set, made in the token.
Outcome<std::vector<sqlite::StoredWrappedKey>> make_secrets(Call& call, std::string_view system_id,
                                                            std::string_view user_id, std::uint32_t key_index,
                                                            std::uint32_t version = 1);

struct Delivered {
    std::string code{};      // the activation code, or empty
    std::string key_json{};  // one of these three, by the method
    std::string key_qr{};    // GIF
    std::string deep_link{};
    // For the key's row, with online_credentials.
    Bytes activation_mac{};
    Bytes release_key{};
};
// `secrets`: K1 and K2. Reveals or exports them in the token. `user` and `key` have everything but their row numbers.
// Codes: 350, and the token's errors.
Outcome<Delivered> deliver(Call& call, const sqlite::PayControlSystem& system,
                           const sqlite::PayControlUser& user, const sqlite::PayControlKey& key,
                           const std::vector<sqlite::StoredWrappedKey>& secrets,
                           const DeliveryRequest& request);

// The members of user_created, key_updated and export_key.
std::string delivered_json(const Call& call, const sqlite::PayControlSystem& system,
                           const sqlite::PayControlUser& user, const sqlite::PayControlKey& key,
                           const Delivered& delivered);

// "2024-12-02"
std::string date_text(SystemTime time);

}  // namespace signet::api::paycontrol
