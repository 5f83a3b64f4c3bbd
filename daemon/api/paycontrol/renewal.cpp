// Chapter Users: renewal of keys by challenge, which a device begins and ends.
#include <chrono>

#include "base/encoding.h"
#include "base/random.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/callbacks.h"
#include "daemon/api/paycontrol/lookup.h"
#include "daemon/api/paycontrol/signatures.h"
#include "daemon/api/paycontrol/user_handlers.h"
#include "daemon/paycontrol/key_export.h"
#include "daemon/service/details.h"
#include "daemon/service/wrapped_keys.h"
#include "sqlite/read_pool.h"
#include "sqlite/wrapped_key_store.h"

namespace signet::api::paycontrol {
namespace {

namespace users = sqlite::paycontrol_user_store;

constexpr std::size_t kChallenge = 32;
constexpr auto kChallengeLife = std::chrono::minutes(10);

std::string object_of(const sqlite::PayControlUser& user) {
    return "paycontrol/" + user.system_id + "/" + user.user_id;
}

struct Response {
    std::string salt_text, signature_text, hmac_text;  // as they were sent
    Bytes salt, signature, hmac;
};
Outcome<Response> read_response(const JsonObject& body) {
    Response out;
    SIGNET_ASSIGN(out.salt_text, required_text(body, "salt", Code::json_request_incorrect));
    SIGNET_ASSIGN(out.signature_text, required_text(body, "signature", Code::signature_is_null));
    SIGNET_ASSIGN(out.hmac_text, required_text(body, "hmac", Code::auth_code_is_null));
    auto salt = from_hex(out.salt_text), signature = from_hex(out.signature_text),
         hmac = from_hex(out.hmac_text);
    if (!salt || !signature || !hmac || salt->size() != kChallenge)
        return fail(Code::json_request_incorrect, "salt (32 bytes), signature and hmac are hex digits");
    out.salt = *std::move(salt);
    out.signature = *std::move(signature);
    out.hmac = *std::move(hmac);
    return out;
}

// Both secrets that follow, derived in the token.
Outcome<std::vector<sqlite::StoredWrappedKey>> derive(Call& call, const UserOf& found,
                                                      std::uint32_t key_index, const Bytes& challenge,
                                                      const Bytes& salt) {
    std::vector<sqlite::StoredWrappedKey> out;
    auto& services = call.services();
    SIGNET_ASSIGN(const auto under, services.wrapped.under());
    for (const auto& [key_class, which] : {std::pair(kCodeKey, "k1"), std::pair(kRequestKey, "k2")}) {
        SIGNET_ASSIGN(auto base, [&]() -> Outcome<WrappedKey> {
            SIGNET_ASSIGN(const auto db, services.readers.lease());
            return user_secret(*db, found.user, found.key, key_class);
        }());
        auto binding = base.binding;
        binding.index = key_index;
        binding.version = 1;
        const auto context = signet::paycontrol::renewal_context(which, challenge, salt);
        SIGNET_ASSIGN(const auto next, services.token.derive_secret(
                                           {std::move(base), under.wrapping_key, under.binding_key,
                                            std::move(binding), Bytes(context.begin(), context.end())},
                                           Deadline{call.exchange.deadline()}));
        out.push_back(service::to_row(next, {}, call.context.now()));
    }
    return out;
}

}  // namespace

Outcome<Reply> renew_challenge(Call& call) {
    SIGNET_ASSIGN(const auto found, user_of(call, Need::unlocked));
    const auto challenge = random_bytes(kChallenge);
    SIGNET_TRY(call.commit(object_of(found.user),
                           service::Details().add("key_index", std::uint64_t{found.key.key_index}),
                           [&](sqlite::Transaction& t) -> Outcome<void> {
                               SIGNET_ASSIGN(auto key, users::find_key(t.db(), found.key.key_id));
                               if (!key || key->ended) return fail(Code::key_index_obsoleted);
                               key->challenge = challenge;
                               key->challenge_expires = call.context.now() + kChallengeLife;
                               SIGNET_TRY(users::update_key(t, *key));
                               SIGNET_TRY(enqueue_user_callback(call, t, found.system, "renew",
                                                                R"({"challenge_request":true})"));
                               return {};
                           }));
    JsonWriter json;
    json.begin_object();
    json.member("challenge", to_hex(challenge));
    json.member("key_index", found.key.key_index);
    json.end_object();
    return Reply{"renew_challenge", json.take()};
}

Outcome<Reply> renew_response(Call& call) {
    SIGNET_ASSIGN(const auto body, read_body(call.exchange));
    SIGNET_ASSIGN(const auto response, read_response(body));
    SIGNET_ASSIGN(const auto found, user_of(call, Need::unlocked));
    const auto now = call.context.now();
    const auto challenge = found.key.challenge;
    if (challenge.empty() || !found.key.challenge_expires || *found.key.challenge_expires <= now)
        return fail(Code::wrong_auth_code, "there is no challenge, or it has expired; begin again");
    const auto message = signet::paycontrol::renewal_message(challenge, response.salt);
    std::uint32_t key_index = 0;
    std::optional<sqlite::PayControlPublicKey> public_key, autosign;
    std::optional<WrappedKey> secret;
    {
        SIGNET_ASSIGN(const auto db, call.services().readers.lease());
        SIGNET_ASSIGN(public_key, users::public_key(*db, found.key.key_id, false));
        SIGNET_ASSIGN(autosign, users::public_key(*db, found.key.key_id, true));
        SIGNET_ASSIGN(secret, user_secret(*db, found.user, found.key, kCodeKey));
        SIGNET_ASSIGN(const auto last, users::last_key_index(*db, found.user.number));
        key_index = last + 1;
    }
    if (!public_key) return fail(Code::pubkey_is_empty);
    SIGNET_ASSIGN(const bool good_mac,
                  call.services().token.mac_verify({*secret, MacAlgorithm::hs256, message}, response.hmac,
                                                   Deadline{call.exchange.deadline()}));
    if (!good_mac) return fail(Code::invalid_hmac);
    SIGNET_ASSIGN(const bool good,
                  verify_signature(found.key.type, public_key->spki, message, response.signature));
    if (!good) return fail(Code::signature_is_invalid);
    SIGNET_ASSIGN(const auto secrets, derive(call, found, key_index, challenge, response.salt));

    auto next = found.key;
    next.key_id = 0;
    next.key_index = key_index;
    next.version = 1;
    next.created = now;
    next.activated = now;
    next.ended.reset();
    next.expires = now + std::chrono::days{found.system.key_lifetime};
    next.activation_mac.clear();
    next.release_key.clear();
    next.challenge.clear();
    next.challenge_expires.reset();
    JsonWriter json;
    json.begin_object();
    json.key("challenge_response");
    json.begin_object();
    json.member("salt", response.salt_text);
    json.member("signature", response.signature_text);
    json.member("hmac", response.hmac_text);
    json.end_object();
    json.end_object();
    call.event.key_index = key_index;
    SIGNET_TRY(call.commit(
        object_of(found.user), service::Details().add("key_index", std::uint64_t{key_index}),
        [&](sqlite::Transaction& t) -> Outcome<void> {
            SIGNET_ASSIGN(auto current,
                          find_user(t.db(), found.system.system_id, found.user.user_id, Need::unlocked, now));
            // The challenge is good once: a second answer finds another key in force.
            if (current.key.key_id != found.key.key_id || current.key.challenge != challenge)
                return fail(Code::key_index_obsoleted);
            const auto user = current.user;  // a renewal keeps the device's settings
            SIGNET_ASSIGN(next.key_id, users::insert_key(t, next));
            for (const auto& row : secrets)
                SIGNET_TRY(sqlite::wrapped_key_store::insert(t, row));
            SIGNET_TRY(put_in_force(t, current.user, current.key, next, now));
            current.user.device_type = user.device_type;
            current.user.device_push_id = user.device_push_id;
            current.user.app_id = user.app_id;
            SIGNET_TRY(users::update(t, current.user));
            for (const auto* key : {&public_key, &autosign}) {
                if (!*key) continue;
                SIGNET_TRY(users::set_public_key(t, {.key_id = next.key_id,
                                                     .autosign = (*key)->autosign,
                                                     .spki = (*key)->spki,
                                                     .created = now}));
            }
            SIGNET_TRY(enqueue_user_callback(call, t, current.system, "renew", json.view()));
            return {};
        }));
    JsonWriter answer;
    answer.begin_object();
    answer.member("key_index", key_index);
    answer.member("expiration_timestamp", to_unix_ms(next.expires) / 1000);
    answer.end_object();
    return Reply{"renewed", answer.take()};
}

}  // namespace signet::api::paycontrol
