// Chapter Users: Change User's Settings, Delete User, Get User Details.
#include <algorithm>
#include <array>
#include <chrono>

#include "base/encoding.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/callbacks.h"
#include "daemon/api/paycontrol/key_params.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/api/paycontrol/signatures.h"
#include "daemon/api/paycontrol/user_handlers.h"
#include "daemon/service/details.h"
#include "hsm/pki/public_key.h"
#include "sqlite/read_pool.h"

namespace signet::api::paycontrol {
namespace {

namespace users = sqlite::paycontrol_user_store;

constexpr std::array<std::string_view, 6> kDeviceTypes{"Android",      "iOS",      "Huawei",
                                                       "ServerSigner", "Telegram", "Edna"};
constexpr std::size_t kHexKey = 4096;
constexpr std::size_t kFingerprint = 128;  // hex digits

// What a request asks for, checked as far as it can be without the user.
struct Changes {
    bool block = false;
    bool unblock = false;
    bool commit_delayed = false;
    std::optional<std::string> name;
    std::string fingerprint;
    struct Push {
        std::string type, id, app;
    };
    std::optional<Push> push;
    struct Key {
        Bytes spki;
        Bytes signature;  // by the key it replaces, over spki
    };
    std::optional<Key> public_key;
    std::optional<Key> autosign_public_key;

    bool settings() const {
        return name || !fingerprint.empty() || push || public_key || autosign_public_key;
    }
};

Outcome<std::optional<Changes::Key>> read_key(const JsonObject& body, std::string_view name,
                                              std::string_view signature) {
    if (!body.has(name)) return std::nullopt;
    SIGNET_ASSIGN(const auto text, required_text(body, name, Code::pubkey_is_empty, kHexKey));
    Changes::Key key;
    auto spki = from_hex(text);
    if (!spki) return fail(Code::json_request_incorrect, std::string(name) + ": expected hex digits");
    key.spki = *std::move(spki);
    SIGNET_ASSIGN(const auto signed_by, text_or_empty(body, signature, kHexKey));
    auto bytes = from_hex(signed_by);
    if (!bytes) return fail(Code::json_request_incorrect, std::string(signature) + ": expected hex digits");
    key.signature = *std::move(bytes);
    return key;
}

Outcome<Changes> read_changes(const JsonObject& body) {
    Changes out;
    SIGNET_ASSIGN(out.block, flag_of(body, "block"));
    SIGNET_ASSIGN(out.unblock, flag_of(body, "unblock"));
    SIGNET_ASSIGN(out.commit_delayed, flag_of(body, "commit_delayed"));
    if (out.block && out.unblock)
        return fail(Code::json_request_incorrect, "block and unblock exclude each other");
    if (body.has("user_name")) {
        SIGNET_ASSIGN(out.name, text_or_empty(body, "user_name", 256));
    }
    SIGNET_ASSIGN(out.fingerprint, text_or_empty(body, "device_fingerprint", kFingerprint));
    if (!from_hex(out.fingerprint))
        return fail(Code::json_request_incorrect, "device_fingerprint: expected hex digits");
    std::ranges::transform(out.fingerprint, out.fingerprint.begin(), [](char c) {
        return c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    const auto push = body.optional_object("push_address");
    if (!push) return fail(Code::json_request_incorrect, push.error().message);
    if (*push) {
        Changes::Push address;
        SIGNET_ASSIGN(address.type, required_text(**push, "device_type", Code::device_type_is_null, 64));
        if (std::ranges::find(kDeviceTypes, address.type) == kDeviceTypes.end())
            return fail(Code::device_type_is_incorrect);
        SIGNET_ASSIGN(address.id, required_text(**push, "device_push_id", Code::push_id_is_null));
        SIGNET_ASSIGN(address.app, text_or_empty(**push, "app_id", 256));
        out.push = std::move(address);
    }
    SIGNET_ASSIGN(out.public_key, read_key(body, "public_key", "public_key_signature"));
    SIGNET_ASSIGN(out.autosign_public_key,
                  read_key(body, "autosign_public_key", "autosign_public_key_signature"));
    return out;
}

// A first key is taken as it is; another one must be allowed by the key it replaces.
Outcome<bool> replaces(const sqlite::PayControlKey& key,
                       const std::optional<sqlite::PayControlPublicKey>& current, const Changes::Key& next,
                       Code without_signature) {
    if (key.type == kEcdsa) {
        const auto parsed = pki::PublicKey::from_spki(next.spki);
        if (!parsed || parsed->type() != pki::KeyType::ec_p256)
            return fail(Code::json_request_incorrect,
                        "the public key must be on P-256, DER SubjectPublicKeyInfo in hex");
    }
    if (!current) return true;
    if (current->spki == next.spki) return false;
    if ((key.flags & flag::kDenyRenewPublicKey) != 0) return fail(Code::pubkey_is_not_empty);
    if (next.signature.empty()) return fail(without_signature);
    SIGNET_ASSIGN(const bool good, verify_signature(key.type, current->spki, next.spki, next.signature));
    if (!good) return fail(Code::signature_is_invalid);
    return true;
}

void write_push(JsonWriter& json, const std::string& type, const std::string& id, const std::string& app) {
    json.key("push_address");
    json.begin_object();
    json.member("device_push_id", id);
    json.member("device_type", type);
    if (!app.empty()) json.member("app_id", app);
    json.end_object();
}

// The settings asked for, as callbacks repeat them and events keep them.
std::string updated_settings(const Changes& changes) {
    JsonWriter json;
    json.begin_object();
    if (changes.block) json.member("block", true);
    if (changes.unblock) json.member("unblock", true);
    if (changes.commit_delayed) json.member("commit_delayed", true);
    if (changes.name) json.member("user_name", *changes.name);
    if (!changes.fingerprint.empty()) json.member("device_fingerprint", changes.fingerprint);
    if (changes.push) write_push(json, changes.push->type, changes.push->id, changes.push->app);
    if (changes.public_key) json.member("public_key", to_hex(changes.public_key->spki));
    if (changes.autosign_public_key)
        json.member("autosign_public_key", to_hex(changes.autosign_public_key->spki));
    json.end_object();
    return json.take();
}

std::string hex_of(const std::optional<sqlite::PayControlPublicKey>& key) {
    return key ? to_hex(key->spki) : std::string();
}

std::string previous_settings(const Changes& changes, const UserOf& before,
                              const std::optional<sqlite::PayControlPublicKey>& public_key,
                              const std::optional<sqlite::PayControlPublicKey>& autosign) {
    JsonWriter json;
    json.begin_object();
    if (changes.block || changes.unblock) json.member("blocked", before.user.blocked);
    if (changes.name) json.member("user_name", before.user.name);
    if (!changes.fingerprint.empty()) json.member("device_fingerprint", before.key.device_fingerprint);
    if (changes.push && !before.user.device_type.empty())
        write_push(json, before.user.device_type, before.user.device_push_id, before.user.app_id);
    if (changes.public_key) json.member("public_key", hex_of(public_key));
    if (changes.autosign_public_key) json.member("autosign_public_key", hex_of(autosign));
    json.end_object();
    return json.take();
}

Outcome<void> set_public_key(sqlite::Transaction& t, const sqlite::PayControlKey& key,
                             const Changes::Key& next, bool autosign, SystemTime now) {
    SIGNET_TRY(users::set_public_key(
        t, {.key_id = key.key_id, .autosign = autosign, .spki = next.spki, .created = now}));
    return {};
}

Outcome<void> apply(Call& call, sqlite::Transaction& t, const Changes& changes, UserOf& current) {
    auto& [system, user, key] = current;
    const auto now = call.context.now();
    // What else would be used of a blocked user waits until it is not blocked any more.
    if (user.blocked && !changes.unblock && (changes.settings() || changes.commit_delayed))
        return fail(Code::user_is_blocked);
    if (changes.commit_delayed) {
        if (user.delayed_key == 0) return fail(Code::key_info_not_found, "there is no delayed key");
        SIGNET_ASSIGN(auto delayed, users::find_key(t.db(), user.delayed_key));
        if (!delayed) return fail(Code::key_info_not_found);
        SIGNET_TRY(put_in_force(t, user, key, *delayed, now));
        key = *std::move(delayed);
        call.event.key_index = key.key_index;
    }
    SIGNET_ASSIGN(const auto public_key, users::public_key(t.db(), key.key_id, false));
    SIGNET_ASSIGN(const auto autosign, users::public_key(t.db(), key.key_id, true));
    call.event.previous = previous_settings(changes, current, public_key, autosign);
    call.event.current = updated_settings(changes);
    if (changes.public_key) {
        SIGNET_ASSIGN(const bool changed,
                      replaces(key, public_key, *changes.public_key, Code::pubkey_signature_is_empty));
        if (changed) SIGNET_TRY(set_public_key(t, key, *changes.public_key, false, now));
    }
    if (changes.autosign_public_key) {
        SIGNET_ASSIGN(const bool changed, replaces(key, autosign, *changes.autosign_public_key,
                                                   Code::autosign_pubkey_signature_is_empty));
        if (changed) SIGNET_TRY(set_public_key(t, key, *changes.autosign_public_key, true, now));
    }
    if (!changes.fingerprint.empty() && changes.fingerprint != key.device_fingerprint) {
        if (!key.device_fingerprint.empty() && (key.flags & flag::kWithFingerPrint) != 0)
            return fail(Code::fprint_is_not_empty);
        key.device_fingerprint = changes.fingerprint;
        SIGNET_TRY(users::update_key(t, key));
        call.event.device_fingerprint = key.device_fingerprint;
    }
    if (changes.name) user.name = *changes.name;
    if (changes.push) {
        user.device_type = changes.push->type;
        user.device_push_id = changes.push->id;
        user.app_id = changes.push->app;
    }
    if (changes.block) {
        user.blocked = true;
        user.blocked_why = "by request";
    }
    if (changes.unblock) {
        user.blocked = false;
        user.blocked_why.clear();
        key.activation_tries = 0;
        key.password_tries = 0;
        SIGNET_TRY(users::update_key(t, key));
    }
    user.updated = now;
    SIGNET_TRY(users::update(t, user));
    return {};
}

void write_key(JsonWriter& json, std::string_view name, const sqlite::PayControlKey& key) {
    json.key(name);
    json.begin_object();
    if (!key.device_fingerprint.empty()) json.member("device_fingerprint", key.device_fingerprint);
    json.member("expiration_timestamp", to_unix_ms(key.expires) / 1000);
    json.member("key_flags", key.flags);
    json.member("key_index", key.key_index);
    if (!key.app_extra.empty()) json.member("app_extra", key.app_extra);
    json.member("type", key.type);
    json.key("key_params");
    write_key_params(json, key.flags);
    json.end_object();
}

}  // namespace

Outcome<Reply> change_user(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto changes, read_changes(body));
    // A device speaks for its keys, not for the rights of its user.
    if (call.device && (changes.block || changes.unblock || changes.commit_delayed))
        return fail(Code::not_supported, "only the application blocks, unblocks and commits keys");
    SIGNET_ASSIGN(auto found, user_of(call, Need::present));
    service::Details details;
    for (const auto name : body.names())
        details.add(name, "set");
    SIGNET_TRY(call.commit("paycontrol/" + found.system.system_id + "/" + found.user.user_id, details,
                           [&](sqlite::Transaction& t) -> Outcome<void> {
                               SIGNET_ASSIGN(auto current,
                                             find_user(t.db(), found.system.system_id, found.user.user_id,
                                                       Need::present, call.context.now()));
                               SIGNET_TRY(apply(call, t, changes, current));
                               SIGNET_TRY(enqueue_user_callback(call, t, current.system, "updated_settings",
                                                                updated_settings(changes)));
                               return {};
                           }));
    return Reply{};
}

Outcome<Reply> delete_user(Call& call) {
    SIGNET_ASSIGN(auto found, user_of(call, Need::present));
    const auto now = call.context.now();
    SIGNET_TRY(call.commit(
        "paycontrol/" + found.system.system_id + "/" + found.user.user_id, service::Details(),
        [&](sqlite::Transaction& t) -> Outcome<void> {
            SIGNET_ASSIGN(auto current,
                          find_user(t.db(), found.system.system_id, found.user.user_id, Need::present, now));
            auto& [system, user, key] = current;
            SIGNET_TRY(end_delayed_key(t, user, now));
            key.state = sqlite::PayControlKeyState::ended;
            key.ended = now;
            SIGNET_TRY(users::update_key(t, key));
            SIGNET_TRY(users::end_public_keys(t, key.key_id, now));
            user.deleted = user.updated = now;
            user.device_type.clear();
            user.device_push_id.clear();
            SIGNET_TRY(users::update(t, user));
            SIGNET_TRY(sqlite::paycontrol_system_store::count_user(t, system.system_id, -1));
            return {};
        }));
    return Reply{};
}

Outcome<Reply> get_user(Call& call) {
    SIGNET_ASSIGN(const auto found, user_of(call, Need::present));
    const auto& [system, user, key] = found;
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(const auto public_key, users::public_key(*db, key.key_id, false));
    SIGNET_ASSIGN(const auto autosign, users::public_key(*db, key.key_id, true));
    JsonWriter json(2048);
    json.begin_object();
    if (public_key) json.member("public_key", to_hex(public_key->spki));
    write_key(json, "active_key_info", key);
    if (autosign) json.member("autosign_public_key", to_hex(autosign->spki));
    json.member("blocked", user.blocked);
    json.member("user_id", user.user_id);
    if (!user.name.empty()) json.member("user_name", user.name);
    json.member("system_id", system.system_id);
    json.member("system_name", system.name);
    if (!user.device_type.empty()) {
        json.member("device_push_id", user.device_push_id);
        json.member("device_type", user.device_type);
        if (!user.app_id.empty()) json.member("app_id", user.app_id);
    }
    if (user.delayed_key != 0) {
        SIGNET_ASSIGN(const auto delayed, users::find_key(*db, user.delayed_key));
        if (delayed) write_key(json, "delayed_key_info", *delayed);
    }
    json.end_object();
    return Reply{"user_info", json.take()};
}

}  // namespace signet::api::paycontrol
