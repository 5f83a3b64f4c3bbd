// The rows of users and devices; online credentials: activation codes and passwords that the server checks.
#include <chrono>

#include "base/encoding.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/credentials.h"
#include "daemon/api/paycontrol/key_params.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/api/paycontrol/routes.h"
#include "daemon/api/paycontrol/user_handlers.h"
#include "daemon/config/paycontrol.h"
#include "daemon/service/details.h"
#include "sqlite/read_pool.h"

namespace signet::api::paycontrol {
namespace {

namespace users = sqlite::paycontrol_user_store;

constexpr std::size_t kSmall = 8192;

std::string object_of(const sqlite::PayControlUser& user) {
    return "paycontrol/" + user.system_id + "/" + user.user_id;
}

// The tries that a row counts, and the codes that go with it.
struct Guess {
    std::uint32_t sqlite::PayControlKey::* tries;
    Code wrong;
    Code exceeded;
    std::string_view why;
};
constexpr Guess kActivation{&sqlite::PayControlKey::activation_tries, Code::activation_code_incorrect,
                            Code::activation_attempts_exceeded, "too many wrong activation codes"};
constexpr Guess kPassword{&sqlite::PayControlKey::password_tries, Code::password_incorrect,
                          Code::password_attempts_exceeded, "too many wrong passwords"};

// Settles one try in one transaction: two wrong tries at once count twice, and a right one after the last is refused.
Outcome<void> settle(Call& call, const UserOf& found, bool right, const Guess& guess,
                     const std::function<void(sqlite::PayControlKey&)>& when_right) {
    const auto most = call.context.settings()->attempts;
    std::optional<Failure> refusal;
    if (!right) call.event.result = guess.wrong;
    SIGNET_TRY(call.commit(object_of(found.user), service::Details().add("right", right ? "true" : "false"),
                           [&](sqlite::Transaction& t) -> Outcome<void> {
                               refusal.reset();
                               SIGNET_ASSIGN(auto current,
                                             find_user(t.db(), found.system.system_id, found.user.user_id,
                                                       Need::unlocked, call.context.now()));
                               SIGNET_ASSIGN(auto key, users::find_key(t.db(), found.key.key_id));
                               if (!key || key->ended) return fail(Code::key_index_obsoleted);
                               auto& tries = *key.*guess.tries;
                               if (tries >= most) return fail(guess.exceeded);
                               if (right) {
                                   tries = 0;
                                   when_right(*key);
                               } else if (++tries >= most) {
                                   current.user.blocked = true;
                                   current.user.blocked_why = guess.why;
                                   current.user.updated = call.context.now();
                                   SIGNET_TRY(users::update(t, current.user));
                                   refusal = Failure(guess.exceeded);
                               } else {
                                   refusal = fail(guess.wrong, std::to_string(most - tries)).error();
                               }
                               SIGNET_TRY(users::update_key(t, *key));
                               return {};
                           }));
    if (refusal) return std::unexpected(*std::move(refusal));
    return {};
}

// The key set of a request that cannot prove itself yet: by its index, active or delayed.
Outcome<UserOf> user_and_key(Call& call, std::optional<std::int64_t> index) {
    SIGNET_ASSIGN(auto found, user_of(call, Need::unlocked));
    if (!index || *index == found.key.key_index) return found;
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(auto key, users::find_key(*db, found.user.number, static_cast<std::uint32_t>(*index)));
    if (!key) return fail(Code::key_index_wrong);
    if (key->ended) return fail(Code::key_index_obsoleted);
    found.key = *std::move(key);
    call.event.key_index = found.key.key_index;
    return found;
}

}  // namespace

Outcome<Reply> reset_password(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto password, read_password(body, "keys_password"));
    SIGNET_ASSIGN(const auto found, user_of(call, Need::unlocked));
    if ((found.key.flags & flag::kOnlineCredentials) == 0) return fail(Code::credentials_not_initialized);
    SIGNET_ASSIGN(const auto mac,
                  credential_mac(call, found.user, found.key.key_index, Credential::password, password));
    SIGNET_TRY(call.commit(object_of(found.user),
                           service::Details().add("key_index", std::uint64_t{found.key.key_index}),
                           [&](sqlite::Transaction& t) -> Outcome<void> {
                               SIGNET_ASSIGN(auto key, users::find_key(t.db(), found.key.key_id));
                               if (!key || key->ended) return fail(Code::key_index_obsoleted);
                               key->password_mac = mac;
                               key->password_tries = 0;
                               SIGNET_TRY(users::update_key(t, *key));
                               return {};
                           }));
    return Reply{};
}

// {"key_index","activation_code"} to {"release_key": base64}: what opens the device's export. The one request of a device
// without proof: the code is the proof, and its tries are counted.
Outcome<Reply> activate_key(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto index, number_of(body, "key_index", 1, std::int64_t{1} << 31));
    SIGNET_ASSIGN(const auto code,
                  required_text(body, "activation_code", Code::pin_is_empty, kLongestPassword));
    SIGNET_ASSIGN(const auto found, user_and_key(call, index));
    if (found.key.activation_mac.empty()) return fail(Code::credentials_not_initialized);
    if (found.key.activation_tries >= call.context.settings()->attempts)
        return fail(Code::activation_attempts_exceeded);
    SIGNET_ASSIGN(const auto mac,
                  credential_mac(call, found.user, found.key.key_index, Credential::activation, code));
    const bool right = equal_constant_time(mac, found.key.activation_mac);
    Secret release;
    if (right) {
        SIGNET_ASSIGN(release, unseal_release_key(call, found.user, found.key));
    }
    SIGNET_TRY(settle(call, found, right, kActivation, [&](sqlite::PayControlKey& key) {
        if (!key.activated) key.activated = call.context.now();
    }));
    JsonWriter json;
    json.begin_object();
    json.member_base64("release_key", release.view());
    json.end_object();
    return Reply{"key_activated", json.take()};
}

// {"password","current_password"?}: the latter once there is one.
Outcome<Reply> set_password(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto password, read_password(body, "password"));
    SIGNET_ASSIGN(const auto found, user_of(call, Need::usable));
    if ((found.key.flags & flag::kOnlineCredentials) == 0) return fail(Code::credentials_not_initialized);
    SIGNET_ASSIGN(const auto mac,
                  credential_mac(call, found.user, found.key.key_index, Credential::password, password));
    bool right = true;
    if (!found.key.password_mac.empty()) {
        SIGNET_ASSIGN(const auto current, read_password(body, "current_password"));
        SIGNET_ASSIGN(const auto current_mac,
                      credential_mac(call, found.user, found.key.key_index, Credential::password, current));
        right = equal_constant_time(current_mac, found.key.password_mac);
    }
    SIGNET_TRY(
        settle(call, found, right, kPassword, [&](sqlite::PayControlKey& key) { key.password_mac = mac; }));
    return Reply{};
}

Outcome<Reply> verify_password(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto password, required_text(body, "password", Code::pin_is_empty, kLongestPassword));
    SIGNET_ASSIGN(const auto found, user_of(call, Need::usable));
    if ((found.key.flags & flag::kOnlineCredentials) == 0) return fail(Code::credentials_not_initialized);
    if (found.key.password_mac.empty()) return fail(Code::password_not_set);
    if (found.key.password_tries >= call.context.settings()->attempts)
        return fail(Code::password_attempts_exceeded);
    SIGNET_ASSIGN(const auto mac,
                  credential_mac(call, found.user, found.key.key_index, Credential::password, password));
    SIGNET_TRY(settle(call, found, equal_constant_time(mac, found.key.password_mac), kPassword,
                      [](sqlite::PayControlKey&) {}));
    return Reply{};
}

std::vector<Row> user_rows() {
    using enum http::Verb;
    return {
        {post, "/{system}/users", "paycontrol.users.create", For::applications, kSmall, "create_user",
         create_user, "Create a user"},
        {get, "/{system}/users/{user}", "paycontrol.users.read", For::both, kSmall, "get_user_info", get_user,
         "A user's keys and settings"},
        {patch, "/{system}/users/{user}", "paycontrol.users.change", For::both, kSmall * 4, "change_user",
         change_user, "Change a user's settings"},
        {del, "/{system}/users/{user}", "paycontrol.users.delete", For::applications, kSmall, "delete_user",
         delete_user, "Delete a user"},
        {post, "/{system}/users/{user}/key", "paycontrol.users.update", For::applications, kSmall,
         "update_user", update_user, "Give a user new keys"},
        {post, "/{system}/users/{user}/key/export", "paycontrol.users.export", For::applications, kSmall,
         "export_key", export_key, "Export a user's initial keys under a password"},
        {post, "/{system}/users/{user}/key/credentials/reset", "paycontrol.users.reset-password",
         For::applications, kSmall, "reset_password", reset_password,
         "Set the password of a user with online credentials"},
    };
}

std::vector<Row> device_rows() {
    using enum http::Verb;
    return {
        {post, "/{system}/users/{user}/key/credentials/activate", "paycontrol.device", For::devices_unproven,
         kSmall, "activate_key", activate_key, "Get what opens an export, for the activation code"},
        {post, "/{system}/users/{user}/key/credentials/set", "paycontrol.device", For::devices, kSmall,
         "set_password", set_password, "Set the password that the server checks"},
        {post, "/{system}/users/{user}/key/credentials/verify", "paycontrol.device", For::devices, kSmall,
         "verify_password", verify_password, "Check the password"},
        {post, "/{system}/users/{user}/key/renew/challenge", "paycontrol.device", For::devices, kSmall,
         "renew_get_challenge", renew_challenge, "Begin a renewal of the keys"},
        {post, "/{system}/users/{user}/key/renew/response", "paycontrol.device", For::devices, kSmall,
         "renew_set_response", renew_response, "Finish a renewal of the keys"},
    };
}

}  // namespace signet::api::paycontrol
