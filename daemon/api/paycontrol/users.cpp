// Chapter Users: Create User, Update User, Export User's Keys.
#include <algorithm>

#include "base/random.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/credentials.h"
#include "daemon/api/paycontrol/gost.h"
#include "daemon/api/paycontrol/key_delivery.h"
#include "daemon/api/paycontrol/key_params.h"
#include "daemon/api/paycontrol/licence.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/api/paycontrol/routes.h"
#include "daemon/api/paycontrol/templates.h"
#include "daemon/api/paycontrol/user_handlers.h"
#include "daemon/config/paycontrol.h"
#include "daemon/service/details.h"
#include "daemon/service/outbox.h"
#include "daemon/service/wrapped_keys.h"
#include "sqlite/outbox_store.h"
#include "sqlite/read_pool.h"
#include "sqlite/wrapped_key_store.h"

namespace signet::api::paycontrol {
namespace {

namespace users = sqlite::paycontrol_user_store;
using sqlite::PayControlKeyState;

constexpr std::size_t kPrefix = 64;
constexpr std::size_t kUrl = 2048;

// Part of a path segment and of texts with separators.
bool good_prefix(std::string_view prefix) {
    return std::ranges::all_of(prefix, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.' || c == '@' || c == '~';
    });
}

Outcome<std::uint32_t> read_type(const Call& call, const JsonObject& body) {
    const auto type = number_of(body, "type", 0, std::int64_t{1} << 31);
    if (!type) return std::unexpected(type.error());
    const auto value = type->value_or(call.context.settings()->default_type);
    if (value > 1) return fail(Code::crypt_type_is_not_defined);
    if (value == 1 && !gost_available())
        return fail(Code::feature_is_not_licensed, "this server has no users of type 1 (GOST)");
    return static_cast<std::uint32_t>(value);
}

SystemTime expiry(const sqlite::PayControlSystem& system, SystemTime now) {
    return now + std::chrono::days{system.key_lifetime};
}

std::string object_of(const sqlite::PayControlUser& user) {
    return "paycontrol/" + user.system_id + "/" + user.user_id;
}

service::Details details_of(const sqlite::PayControlKey& key, std::string_view method) {
    service::Details details;
    details.add("key_index", std::uint64_t{key.key_index})
        .add("type", std::uint64_t{key.type})
        .add("key_flags", std::uint64_t{key.flags})
        .add("method", method);
    // A key that anybody can read is a fact that an auditor must find.
    if (method == "FULL_QR" || method == "DEEP_LINK") details.add("exported", "in clear");
    return details;
}

// Tells the server signer about its new user: a message that is sent until it arrives.
Outcome<void> call_signer(Call& call, sqlite::Transaction& t, const sqlite::PayControlUser& user,
                          const sqlite::PayControlKey& key) {
    if ((key.flags & flag::kServerSigner) == 0) return {};
    const auto url = user.signer_url.empty() ? call.context.settings()->signer_url : user.signer_url;
    if (url.empty()) return {};
    JsonWriter json;
    json.begin_object();
    json.member("system_id", user.system_id);
    json.member("user_id", user.user_id);
    json.end_object();
    SIGNET_TRY(call.services().outbox.enqueue(t, {.destination = url,
                                                  .kind = "paycontrol.signer",
                                                  .verb = "POST",
                                                  .url = url,
                                                  .body = to_bytes(json.take())}));
    return {};
}

Outcome<void> insert_key(sqlite::Transaction& t, sqlite::PayControlKey& key,
                         const std::vector<sqlite::StoredWrappedKey>& secrets) {
    SIGNET_ASSIGN(key.key_id, users::insert_key(t, key));
    for (const auto& secret : secrets)
        SIGNET_TRY(sqlite::wrapped_key_store::insert(t, secret));
    return {};
}

}  // namespace

Outcome<Reply> create_user(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto system, system_of(call));
    const auto now = call.context.now();
    SIGNET_TRY(check_licence(system, now));
    SIGNET_ASSIGN(const auto prefix, text_or_empty(body, "id_prefix"));
    if (prefix.size() > kPrefix) return fail(Code::user_id_pref_too_long);
    if (!good_prefix(prefix))
        return fail(Code::json_request_incorrect, "id_prefix: expected letters, digits and - _ . @ ~");
    sqlite::PayControlUser user;
    user.user_id = prefix + random_uuid();
    user.system_id = system.system_id;
    SIGNET_ASSIGN(user.name, text_or_empty(body, "user_name", 256));
    SIGNET_ASSIGN(user.signer_url, text_or_empty(body, "signer_url", kUrl));
    SIGNET_TRY(check_signer_url(call, user.signer_url));
    user.created = user.updated = now;
    sqlite::PayControlKey key;
    SIGNET_ASSIGN(key.type, read_type(call, body));
    SIGNET_ASSIGN(key.flags, read_key_params(body));
    key.created = now;
    key.expires = expiry(system, now);
    SIGNET_ASSIGN(const auto request, read_delivery(body));
    if (request.clear()) SIGNET_TRY(allow_clear_keys(call));
    key.app_extra =
        fill_template(request.app_extra, {{"SYSTEM_ID", system.system_id}, {"USER_ID", user.user_id}});
    call.event.user_id = user.user_id;
    call.event.key_index = key.key_index;

    SIGNET_ASSIGN(const auto secrets, make_secrets(call, system.system_id, user.user_id, key.key_index));
    SIGNET_ASSIGN(const auto delivered, deliver(call, system, user, key, secrets, request));
    key.activation_mac = delivered.activation_mac;
    key.release_key = delivered.release_key;
    SIGNET_TRY(call.commit(
        object_of(user), details_of(key, request.name()), [&](sqlite::Transaction& t) -> Outcome<void> {
            // Again, here where nobody else counts: the licence holds also for users made at the same moment.
            SIGNET_ASSIGN(const auto current, find_system(t.db(), system.system_id));
            SIGNET_TRY(check_licence(current, now));
            SIGNET_ASSIGN(user.number, users::insert(t, user));
            key.user = user.number;
            SIGNET_TRY(insert_key(t, key, secrets));
            user.active_key = key.key_id;
            SIGNET_TRY(users::update(t, user));
            SIGNET_TRY(sqlite::paycontrol_system_store::count_user(t, system.system_id, 1));
            return call_signer(call, t, user, key);
        }));
    call.services().outbox.wake();
    return Reply{"user_created", delivered_json(call, system, user, key, delivered)};
}

Outcome<Reply> update_user(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(auto found, user_of(call, Need::present));
    auto& [system, user, old_key] = found;
    const auto now = call.context.now();
    SIGNET_ASSIGN(const bool delayed, flag_of(body, "is_delayed"));
    sqlite::PayControlKey key;
    SIGNET_ASSIGN(key.type, read_type(call, body));
    SIGNET_ASSIGN(key.flags, read_key_params(body));
    SIGNET_ASSIGN(const auto request, read_delivery(body));
    if (request.clear()) SIGNET_TRY(allow_clear_keys(call));
    key.user = user.number;
    key.state = delayed ? PayControlKeyState::delayed : PayControlKeyState::active;
    key.created = now;
    key.expires = expiry(system, now);
    key.app_extra =
        fill_template(request.app_extra, {{"SYSTEM_ID", system.system_id}, {"USER_ID", user.user_id}});
    {
        SIGNET_ASSIGN(const auto db, call.services().readers.lease());
        SIGNET_ASSIGN(const auto last, users::last_key_index(*db, user.number));
        key.key_index = last + 1;
    }
    call.event.key_index = key.key_index;
    SIGNET_ASSIGN(const auto secrets, make_secrets(call, system.system_id, user.user_id, key.key_index));
    SIGNET_ASSIGN(const auto delivered, deliver(call, system, user, key, secrets, request));
    key.activation_mac = delivered.activation_mac;
    key.release_key = delivered.release_key;
    auto details = details_of(key, request.name());
    details.add("delayed", delayed ? "true" : "false");
    SIGNET_TRY(call.commit(object_of(user), details, [&](sqlite::Transaction& t) -> Outcome<void> {
        // As it is now: other requests may have changed it since it was read.
        SIGNET_ASSIGN(auto current, find_user(t.db(), system.system_id, user.user_id, Need::present, now));
        auto inserted = insert_key(t, key, secrets);
        if (!inserted && inserted.error().cause && inserted.error().cause->code == ErrorCode::already_exists)
            return fail(Code::request_is_locked_by_another_request);
        SIGNET_TRY(inserted);
        SIGNET_TRY(end_delayed_key(t, current.user, now));
        if (delayed) {
            current.user.delayed_key = key.key_id;
            current.user.updated = now;
            SIGNET_TRY(users::update(t, current.user));
        } else {
            SIGNET_TRY(put_in_force(t, current.user, current.key, key, now));
        }
        user = current.user;
        return call_signer(call, t, current.user, key);
    }));
    call.services().outbox.wake();
    return Reply{"key_updated", delivered_json(call, system, user, key, delivered)};
}

Outcome<Reply> export_key(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(auto found, user_of(call, Need::usable));
    auto& [system, user, key] = found;
    DeliveryRequest request;
    SIGNET_ASSIGN(request.password, read_password(body, "key_encryption_password"));
    std::vector<sqlite::StoredWrappedKey> secrets;
    {
        SIGNET_ASSIGN(const auto db, call.services().readers.lease());
        // The keys that wait for their device.
        if (user.delayed_key != 0) {
            SIGNET_ASSIGN(auto delayed, users::find_key(*db, user.delayed_key));
            if (delayed) key = *std::move(delayed);
        }
        for (const auto key_class : {kCodeKey, kRequestKey}) {
            SIGNET_ASSIGN(auto row,
                          sqlite::wrapped_key_store::find(*db, owner_of(system.system_id, user.user_id),
                                                          key_class, key.key_index, key.version));
            if (!row) return fail(Code::key_info_not_found);
            secrets.push_back(*std::move(row));
        }
    }
    // Initial keys: a password of six characters falls to a search, so what is in use does not leave under one.
    if (key.activated)
        return fail(Code::not_supported,
                    "a device uses these keys already; give the user new ones with Update User");
    SIGNET_ASSIGN(const auto delivered, deliver(call, system, user, key, secrets, request));
    SIGNET_TRY(call.commit(object_of(user), details_of(key, "KEY_JSON"),
                           [&](sqlite::Transaction& t) -> Outcome<void> {
                               SIGNET_ASSIGN(auto current, users::find_key(t.db(), key.key_id));
                               if (!current || current->ended) return fail(Code::key_index_obsoleted);
                               if (current->activated)
                                   return fail(Code::not_supported, "a device has begun to use these keys");
                               if (delivered.activation_mac.empty()) return {};
                               current->activation_mac = delivered.activation_mac;
                               current->release_key = delivered.release_key;
                               current->activation_tries = 0;
                               SIGNET_TRY(users::update_key(t, *current));
                               return {};
                           }));
    return Reply{"export_key", delivered_json(call, system, user, key, delivered)};
}

}  // namespace signet::api::paycontrol
