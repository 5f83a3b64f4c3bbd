#include "daemon/api/paycontrol/user_handlers.h"
#include "daemon/api/reach.h"

namespace signet::api::paycontrol {
namespace {

namespace users = sqlite::paycontrol_user_store;
using sqlite::PayControlKeyState;

}  // namespace

Outcome<void> check_signer_url(Call& call, std::string_view url) {
    if (url.empty()) return {};
    if (const auto allowed = call.services().reach.check("paycontrol", url); !allowed)
        return fail(Code::json_request_incorrect, "signer_url: " + allowed.error().message);
    return {};
}

Outcome<void> end_delayed_key(sqlite::Transaction& t, sqlite::PayControlUser& user, SystemTime now) {
    if (user.delayed_key == 0) return {};
    SIGNET_ASSIGN(auto delayed, users::find_key(t.db(), user.delayed_key));
    user.delayed_key = 0;
    if (!delayed) return {};
    delayed->state = PayControlKeyState::ended;
    delayed->ended = now;
    SIGNET_TRY(users::update_key(t, *delayed));
    return {};
}

Outcome<void> put_in_force(sqlite::Transaction& t, sqlite::PayControlUser& user, sqlite::PayControlKey& old,
                           sqlite::PayControlKey& next, SystemTime now) {
    old.state = PayControlKeyState::ended;
    old.ended = now;
    old.challenge.clear();
    old.challenge_expires.reset();
    SIGNET_TRY(users::update_key(t, old));
    SIGNET_TRY(users::end_public_keys(t, old.key_id, now));
    next.state = PayControlKeyState::active;
    SIGNET_TRY(users::update_key(t, next));
    user.active_key = next.key_id;
    if (user.delayed_key == next.key_id) user.delayed_key = 0;
    user.device_type.clear();
    user.device_push_id.clear();
    user.app_id.clear();
    user.blocked = false;
    user.blocked_why.clear();
    user.code_failures = 0;
    user.code_locked.reset();
    user.updated = now;
    SIGNET_TRY(users::update(t, user));
    return {};
}

}  // namespace signet::api::paycontrol
