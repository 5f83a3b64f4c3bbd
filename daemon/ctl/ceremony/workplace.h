// The appliance that a ceremony works on, made or opened, with what the steps share.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/ctl/ceremony/journal.h"
#include "daemon/ctl/ceremony/plan.h"
#include "daemon/ctl/ceremony/site.h"
#include "daemon/ctl/offline.h"
#include "daemon/ctl/output.h"

namespace signet::ctl::ceremony {

inline constexpr std::string_view kPrincipal = "ceremony";

// 16 hex digits of the file's SHA-256: the request id of everything the ceremony does.
std::string request_id_of(const Plan& plan);

// Makes what the journal needs: the appliance's directories and the outputs' one.
Status make_places(const Site& site, const Plan& plan);

// The step `token` of a plan with `initialise`: configuration, PINs, the token itself. `resumed`: an earlier run began it.
Status make_token(const Site& site, const Plan& plan, bool resumed);

// Opens database and token. Error: failed_precondition when the token is not the one that the plan names.
Result<std::unique_ptr<Offline>> open_workplace(const Site& site, const Plan& plan, Output& out);

// A rehearsal's stand-ins for keys that the real token has, with certificates of the same names.
Status make_stand_ins(Offline& place, const Plan& plan);

}  // namespace signet::ctl::ceremony
