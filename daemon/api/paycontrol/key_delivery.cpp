#include "daemon/api/paycontrol/key_delivery.h"

#include <array>

#include "base/encoding.h"
#include "base/key_wrap.h"
#include "base/random.h"
#include "base/secret.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/credentials.h"
#include "daemon/api/paycontrol/key_params.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/api/paycontrol/qr.h"
#include "daemon/api/paycontrol/templates.h"
#include "daemon/config/paycontrol.h"
#include "daemon/paycontrol/key_export.h"
#include "daemon/service/wrapped_keys.h"

namespace signet::api::paycontrol {
namespace {

struct MethodName {
    ReturnMethod method;
    std::string_view name;
};
constexpr std::array kMethods{
    MethodName{ReturnMethod::full_qr, "FULL_QR"},
    MethodName{ReturnMethod::qr_with_code, "QR_WITH_ACTIVATION_CODE"},
    MethodName{ReturnMethod::key_json, "KEY_JSON"},
    MethodName{ReturnMethod::deep_link, "DEEP_LINK"},
    MethodName{ReturnMethod::deep_link_with_code, "DEEP_LINK_WITH_ACTIVATION_CODE"},
};
constexpr std::int64_t kShortestCode = 6;
constexpr std::int64_t kLongestCode = 32;
constexpr std::size_t kTemplate = 1024;
constexpr std::size_t kAppExtra = 1024;

bool is_link(ReturnMethod method) {
    return method == ReturnMethod::deep_link || method == ReturnMethod::deep_link_with_code;
}

std::int64_t seconds(SystemTime time) {
    return to_unix_ms(time) / 1000;
}

void write_settings(JsonWriter& json, const config::PayControl& settings) {
    json.key("system_settings");
    json.begin_object();
    json.member("confirm_code_time_sampling_interval", settings.confirm_interval.count());
    json.member("auth_code_time_sampling_interval", settings.auth_interval.count());
    json.end_object();
}

void write_methods(JsonWriter& json, const config::PayControl& settings) {
    json.key("ext_auth_available_methods");
    json.begin_array();
    for (const auto& method : settings.external_methods)
        json.text(method);
    json.end_array();
}

struct Material {
    std::optional<ExportedSecrets> encrypted;  // or
    Secret clear;
    std::size_t digits = 0;
};

std::string key_json(const Call& call, const sqlite::PayControlSystem& system,
                     const sqlite::PayControlUser& user, const sqlite::PayControlKey& key,
                     const Material& material) {
    const auto settings = call.context.settings();
    JsonWriter json(1024);
    json.begin_object();
    json.member("pc_key_version", signet::paycontrol::kKeyVersion);
    json.member("system_id", system.system_id);
    if (material.encrypted) {
        json.key("encrypted_key");
        json.begin_object();
        json.member_base64("data", material.encrypted->data);
        json.member_base64("hmac", material.encrypted->mac);
        json.member_base64("iv", material.encrypted->salt);
        json.end_object();
        const ScryptParameters kdf;
        json.key("kdf");
        json.begin_object();
        json.member("name", "scrypt");
        json.member("n", kdf.n);
        json.member("r", kdf.r);
        json.member("p", kdf.p);
        json.end_object();
    } else {
        json.member_base64("key", material.clear.view());
    }
    json.member("expiration_timestamp", seconds(key.expires));
    json.member("system_name", system.name);
    json.member("key_flags", key.flags);
    json.member("kek_digits", static_cast<std::uint64_t>(material.digits));
    json.member("key_index", key.key_index);
    json.member("pc_external_url", system.external_url);
    json.member("type", key.type);
    write_settings(json, *settings);
    json.member("user_id", user.user_id);
    if (!user.name.empty()) json.member("user_name", user.name);
    if (!key.app_extra.empty()) json.member("app_extra", key.app_extra);
    json.member("pc_api_version", signet::paycontrol::kKeyVersion);
    json.member("is_delayed", key.state == sqlite::PayControlKeyState::delayed);
    write_methods(json, *settings);
    json.end_object();
    return json.take();
}

Outcome<ExportedSecrets> export_under(Call& call, const sqlite::PayControlSystem& system,
                                      const sqlite::PayControlUser& user, const sqlite::PayControlKey& key,
                                      std::vector<WrappedKey> secrets, ByteView password) {
    SIGNET_ASSIGN(auto exported,
                  call.services().token.export_secrets(
                      {std::move(secrets), password,
                       signet::paycontrol::export_header({system.system_id, user.user_id, key.key_index,
                                                          key.type, key.flags, seconds(key.expires)})},
                      Deadline{call.exchange.deadline()}));
    return exported;
}

}  // namespace

std::string_view DeliveryRequest::name() const {
    for (const auto& known : kMethods)
        if (known.method == method) return known.name;
    return "KEY_JSON";
}

DeliveryRequest::~DeliveryRequest() {
    wipe(password);
}

Outcome<DeliveryRequest> read_delivery(const JsonObject& body) {
    DeliveryRequest out;
    SIGNET_ASSIGN(const auto name, required_text(body, "return_key_method", Code::invalid_kdf));
    bool known = false;
    for (const auto& candidate : kMethods) {
        if (candidate.name != name) continue;
        out.method = candidate.method;
        known = true;
    }
    if (!known) return fail(Code::invalid_kdf);
    SIGNET_ASSIGN(const auto length, number_of(body, "activation_code_length", 0, 1'000'000));
    if (length && (*length < kShortestCode || *length > kLongestCode)) return fail(Code::pin_length_is_wrong);
    out.code_length = static_cast<std::uint32_t>(length.value_or(out.code_length));
    if (out.method == ReturnMethod::key_json) {
        SIGNET_ASSIGN(out.password, read_password(body, "key_encryption_password"));
    }
    SIGNET_ASSIGN(out.url_template, text_or_empty(body, "url_template", kTemplate));
    if (is_link(out.method) && out.url_template.empty()) return fail(Code::url_template_not_defined);
    SIGNET_ASSIGN(out.app_extra, text_or_empty(body, "app_extra", kAppExtra));
    return out;
}

Outcome<void> allow_clear_keys(Call& call) {
    if (!call.context.settings()->clear_keys)
        return fail(
            Code::not_supported,
            "keys in clear (FULL_QR, DEEP_LINK) are switched off; use a method with an activation code");
    const auto decision = call.exchange.policy().evaluate(
        {.principals = {call.exchange.principals().begin(), call.exchange.principals().end()},
         .permission = "paycontrol.users.reveal",
         .key = call.exchange.parameter("system"),
         .algorithm = std::string_view{},
         .now = call.context.now()});
    if (decision.allowed) return {};
    return std::unexpected(Failure(Error{ErrorCode::permission_denied,
                                         "the policy does not allow '" + decision.principal +
                                             "' paycontrol.users.reveal: keys in clear (FULL_QR, DEEP_LINK)",
                                         decision.why()}));
}

Outcome<std::vector<sqlite::StoredWrappedKey>> make_secrets(Call& call, std::string_view system_id,
                                                            std::string_view user_id, std::uint32_t key_index,
                                                            std::uint32_t version) {
    std::vector<sqlite::StoredWrappedKey> out;
    for (const auto key_class : {kCodeKey, kRequestKey}) {
        SIGNET_ASSIGN(auto row, call.services().wrapped.generate(
                                    KeyBinding{owner_of(system_id, user_id), std::string(key_class),
                                               key_index, version, KeyAlgorithm::hmac_256, KeyUsage::mac},
                                    Deadline{call.exchange.deadline()}));
        out.push_back(std::move(row));
    }
    return out;
}

Outcome<Delivered> deliver(Call& call, const sqlite::PayControlSystem& system,
                           const sqlite::PayControlUser& user, const sqlite::PayControlKey& key,
                           const std::vector<sqlite::StoredWrappedKey>& secrets,
                           const DeliveryRequest& request) {
    std::vector<WrappedKey> keys;
    for (const auto& row : secrets) {
        SIGNET_ASSIGN(auto secret, service::to_wrapped_key(row));
        keys.push_back(std::move(secret));
    }
    Delivered out;
    Material material;
    if (request.clear()) {
        SIGNET_ASSIGN(material.clear, call.services().token.reveal_secrets(
                                          {std::move(keys)}, Deadline{call.exchange.deadline()}));
    } else {
        auto password = request.password;
        if (request.method != ReturnMethod::key_json) password = out.code = random_code(request.code_length);
        material.digits = password.size();
        if ((key.flags & flag::kOnlineCredentials) != 0) {
            // Nobody can search for the code offline: the export is under a key that only the server gives out.
            auto random = random_bytes(32);
            const auto release = Secret::copy_of(random);
            wipe(random);
            SIGNET_ASSIGN(material.encrypted,
                          export_under(call, system, user, key, std::move(keys), release.view()));
            SIGNET_ASSIGN(out.release_key, seal_release_key(call, user, key.key_index, release));
            SIGNET_ASSIGN(out.activation_mac,
                          credential_mac(call, user, key.key_index, Credential::activation, password));
        } else {
            SIGNET_ASSIGN(material.encrypted,
                          export_under(call, system, user, key, std::move(keys), as_bytes(password)));
        }
        wipe(password);
    }
    out.key_json = key_json(call, system, user, key, material);
    if (request.method == ReturnMethod::key_json) return out;
    std::string text = out.key_json;
    if (!request.url_template.empty())
        text = fill_template(request.url_template, {{"SYSTEM_ID", system.system_id},
                                                    {"USER_ID", user.user_id},
                                                    {"KEY_URLENCODED", url_encoded(out.key_json)},
                                                    {"KEY_BASE64", to_base64(as_bytes(out.key_json))}});
    wipe(out.key_json);
    out.key_json.clear();
    if (is_link(request.method)) {
        out.deep_link = std::move(text);
    } else {
        SIGNET_ASSIGN(out.key_qr, qr_gif(text));
    }
    return out;
}

std::string date_text(SystemTime time) {
    return to_rfc3339(time).substr(0, 10);
}

std::string delivered_json(const Call& call, const sqlite::PayControlSystem& system,
                           const sqlite::PayControlUser& user, const sqlite::PayControlKey& key,
                           const Delivered& delivered) {
    const auto settings = call.context.settings();
    JsonWriter json(2048);
    json.begin_object();
    write_settings(json, *settings);
    if (!delivered.code.empty()) json.member("activation_code", delivered.code);
    json.member("user_id", user.user_id);
    json.member("system_id", system.system_id);
    json.member("system_name", system.name);
    json.member("expiration_timestamp", seconds(key.expires));
    json.member("expiration_date", date_text(key.expires));
    if (!user.name.empty()) json.member("user_name", user.name);
    json.member("key_flags", key.flags);
    write_methods(json, *settings);
    if (!delivered.key_json.empty()) json.member("key_json", delivered.key_json);
    if (!delivered.key_qr.empty()) json.member_base64("key_QR", as_bytes(delivered.key_qr));
    if (!delivered.deep_link.empty()) json.member("key_deep_link", delivered.deep_link);
    json.end_object();
    return json.take();
}

}  // namespace signet::api::paycontrol
