#include "daemon/api/paycontrol/licence.h"

#include "base/encoding.h"
#include "base/file.h"
#include "daemon/api/handler.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/config/paycontrol.h"
#include "daemon/service/keys.h"
#include "daemon/service/signing.h"
#include "hsm/pki/public_key.h"
#include "hsm/pki/signature.h"

namespace signet::api::paycontrol {
namespace {

constexpr std::size_t kSignature = 4096;
constexpr std::size_t kPem = std::size_t{16} << 10;

// All keys whose signatures count: every version of the token key, so that a rotation leaves old licences good.
Outcome<std::vector<pki::PublicKey>> seller_keys(Call& call) {
    const auto settings = call.context.settings();
    std::vector<pki::PublicKey> keys;
    if (!settings->seller_public_key.empty()) {
        SIGNET_ASSIGN(const auto pem, read_file(settings->seller_public_key, kPem));
        SIGNET_ASSIGN(auto key, pki::PublicKey::from_pem(pem));
        keys.push_back(std::move(key));
    } else if (!settings->seller_key.empty()) {
        SIGNET_ASSIGN(const auto key, call.services().keys.find(settings->seller_key));
        for (const auto& version : key->versions) {
            if (version.public_key.empty() || version.state == service::KeyState::disabled) continue;
            SIGNET_ASSIGN(auto one, pki::PublicKey::from_spki(version.public_key));
            keys.push_back(std::move(one));
        }
    }
    if (keys.empty())
        return fail(Code::system_property_error, "signetd.yaml names no seller_key or seller_public_key");
    return keys;
}

}  // namespace

Outcome<std::optional<JsonObject>> signed_request(Call& call, const JsonObject& document) {
    const auto request = document.object("request");
    const auto text = document.serialized("request");
    const auto signature = document.text("signature", kSignature);
    if (!request || !text || !signature) return fail(Code::json_request_incorrect);
    const auto bytes = from_base64_wrapped(*signature);
    if (!bytes) return std::nullopt;
    SIGNET_ASSIGN(const auto keys, seller_keys(call));
    for (const auto& key : keys) {
        const auto good = pki::verify(key, key.default_algorithm(), as_bytes(*text), *bytes);
        if (good && *good) return *request;
    }
    return std::nullopt;
}

Outcome<std::string> sign_as_seller(Call& call, const std::string& request) {
    const auto label = call.context.settings()->seller_key;
    if (label.empty())
        return fail(Code::system_property_error, "signetd.yaml names no seller_key; it signs elsewhere");
    SIGNET_ASSIGN(const auto key, call.services().keys.active(label, KeyUsage::sign));
    SIGNET_ASSIGN(const auto algorithm, service::choose_algorithm(*key, std::nullopt));
    SIGNET_ASSIGN(auto input, service::input_of_data(algorithm, to_bytes(request)));
    SIGNET_ASSIGN(const auto signature,
                  call.services().signing.sign(caller_of(call.exchange), key, algorithm, std::move(input)));
    JsonWriter json;
    json.begin_object();
    json.member_raw("request", request);
    json.member_base64("signature", signature.value);
    json.end_object();
    return json.take();
}

Outcome<void> check_licence(const sqlite::PayControlSystem& system, SystemTime now) {
    if (system.license.empty()) return fail(Code::license_not_found);
    if (system.license_expires <= now) return fail(Code::license_expired);
    if (system.users >= system.license_users) return fail(Code::license_user_count_exceeded);
    return {};
}

Outcome<void> take_licence(Call& call, std::string_view text, sqlite::PayControlSystem& system) {
    const auto document = parse_body(text);
    if (!document) return fail(Code::license_update_error, "it is no JSON");
    const auto request = signed_request(call, *document);
    if (!request) {
        if (request.error().code == Code::system_property_error) return std::unexpected(request.error());
        return fail(Code::license_update_error, "it is no signed request");
    }
    if (!*request) return fail(Code::license_update_error, "the signature is not the seller's");
    const auto id = (*request)->text("systemId", 256);
    const auto time = (*request)->integer("dateTime", 0, std::int64_t{1} << 52);
    const auto users = (*request)->integer("usersCount", 0, std::int64_t{1} << 40);
    if (!id || !time || !users)
        return fail(Code::license_update_error, "systemId, dateTime or usersCount is missing");
    if (*id != system.system_id) return fail(Code::license_update_error, "it is for another system");
    if (from_unix_ms(*time) <= call.context.now()) return fail(Code::license_expired);
    system.license = text;
    system.license_expires = from_unix_ms(*time);
    system.license_users = static_cast<std::uint64_t>(*users);
    return {};
}

}  // namespace signet::api::paycontrol
