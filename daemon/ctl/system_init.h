// `signetctl init --system`: the token, the database and the first keys of the installed service, for its two users.
#pragma once

#include "daemon/ctl/command.h"

namespace signet::ctl {

// By /etc/signet (or --config): the PIN goes, encrypted for this machine, to /etc/credstore.encrypted, where
// signetd-token.service alone loads it; the token is made by the user of that unit, the database by `signet`. With
// --pin-file the token exists already, and this is its PIN. Refused when there is a PIN, a token or a database.
Outcome init_system(Context& context, const Arguments& arguments);

}  // namespace signet::ctl
