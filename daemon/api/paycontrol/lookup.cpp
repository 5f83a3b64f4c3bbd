#include "daemon/api/paycontrol/lookup.h"

#include "daemon/service/wrapped_keys.h"
#include "sqlite/read_pool.h"
#include "sqlite/wrapped_key_store.h"

namespace signet::api::paycontrol {
namespace {

namespace users = sqlite::paycontrol_user_store;
namespace wrapped = sqlite::wrapped_key_store;

}  // namespace

Outcome<sqlite::PayControlSystem> find_system(sqlite::Connection& db, std::string_view system_id) {
    SIGNET_ASSIGN(auto system, sqlite::paycontrol_system_store::find(db, system_id));
    if (!system) return fail(Code::system_not_found);
    if (system->deleted) return fail(Code::system_is_deleted);
    return *std::move(system);
}

Outcome<sqlite::PayControlSystem> system_of(Call& call) {
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    SIGNET_ASSIGN(auto system, find_system(*db, call.exchange.parameter("system")));
    call.event.system_id = system.system_id;
    return system;
}

Outcome<UserOf> find_user(sqlite::Connection& db, std::string_view system_id, std::string_view user_id,
                          Need need, SystemTime now) {
    SIGNET_ASSIGN(auto system, find_system(db, system_id));
    if (user_id.empty()) return fail(Code::user_id_is_null);
    SIGNET_ASSIGN(auto user, users::find(db, user_id));
    if (!user || user->system_id != system.system_id) return fail(Code::user_not_found);
    if (user->deleted) return fail(Code::user_is_deleted);
    if (need != Need::present && user->blocked) return fail(Code::user_is_blocked);
    SIGNET_ASSIGN(auto key, users::find_key(db, user->active_key));
    if (!key) return fail(Code::key_info_not_found);
    if (need == Need::usable && key->expires <= now) return fail(Code::key_expired);
    return UserOf{std::move(system), *std::move(user), *std::move(key)};
}

Outcome<UserOf> user_of(Call& call, Need need) {
    SIGNET_ASSIGN(const auto db, call.services().readers.lease());
    auto found = find_user(*db, call.exchange.parameter("system"), call.exchange.parameter("user"), need,
                           call.context.now());
    if (!found) return found;
    call.event.system_id = found->system.system_id;
    call.event.user_id = found->user.user_id;
    call.event.key_index = found->key.key_index;
    call.event.device_fingerprint = found->key.device_fingerprint;
    return found;
}

std::string owner_of(std::string_view system_id, std::string_view user_id) {
    return owner_of(system_id) + ":" + std::string(user_id);
}

std::string owner_of(std::string_view system_id) {
    return "paycontrol:" + std::string(system_id);
}

Outcome<WrappedKey> user_secret(sqlite::Connection& db, const sqlite::PayControlUser& user,
                                const sqlite::PayControlKey& key, std::string_view key_class) {
    SIGNET_ASSIGN(const auto row, wrapped::find(db, owner_of(user.system_id, user.user_id), key_class,
                                                key.key_index, key.version));
    if (!row) return fail(Code::key_info_not_found);
    SIGNET_ASSIGN(auto secret, service::to_wrapped_key(*row));
    return secret;
}

Outcome<WrappedKey> system_secret(sqlite::Connection& db, std::string_view system_id,
                                  std::string_view key_class) {
    SIGNET_ASSIGN(const auto row, wrapped::latest(db, owner_of(system_id), key_class, 0));
    if (!row) return fail(Code::key_info_not_found);
    SIGNET_ASSIGN(auto secret, service::to_wrapped_key(*row));
    return secret;
}

}  // namespace signet::api::paycontrol
