// The handlers of chapter Users and of devices, and what they share.
#pragma once

#include "daemon/api/paycontrol/context.h"

namespace signet::api::paycontrol {

// users.cpp
Outcome<Reply> create_user(Call& call);
Outcome<Reply> update_user(Call& call);
Outcome<Reply> export_key(Call& call);
// user_changes.cpp
Outcome<Reply> change_user(Call& call);
Outcome<Reply> delete_user(Call& call);
Outcome<Reply> get_user(Call& call);
// devices.cpp
Outcome<Reply> reset_password(Call& call);
Outcome<Reply> activate_key(Call& call);
Outcome<Reply> set_password(Call& call);
Outcome<Reply> verify_password(Call& call);
// renewal.cpp
Outcome<Reply> renew_challenge(Call& call);
Outcome<Reply> renew_response(Call& call);

// user_state.cpp. Whether a signer's URL may be called: 283.
Outcome<void> check_signer_url(Call& call, std::string_view url);
// The delayed key of `user`, if any, never comes into force. The caller writes `user`.
Outcome<void> end_delayed_key(sqlite::Transaction& t, sqlite::PayControlUser& user, SystemTime now);
// `next` replaces `old`: options are flushed, the user is unblocked, both rows and the user's are written.
Outcome<void> put_in_force(sqlite::Transaction& t, sqlite::PayControlUser& user, sqlite::PayControlKey& old,
                           sqlite::PayControlKey& next, SystemTime now);

}  // namespace signet::api::paycontrol
