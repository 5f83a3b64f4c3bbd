// The steps of a ceremony in which custodians receive their shares.
#pragma once

#include <boost/json/fwd.hpp>

#include "base/error.h"
#include "daemon/ctl/ceremony/plan.h"
#include "daemon/ctl/ceremony/site.h"
#include "daemon/ctl/ceremony/terminal.h"
#include "daemon/ctl/offline.h"
#include "daemon/ctl/output.h"

namespace signet::ctl::ceremony {

struct CustodyParts {
    const Plan& plan;
    const Site& site;
    Terminal& terminal;
    Output& out;
};

// The backup key in shares, and a backup under it in the outputs. Interrupted, it is done again with a new key: shares of a
// set that was not finished open nothing.
Result<boost::json::object> make_backup_step(const CustodyParts& parts, Offline& place, bool resumed);
// PIN and SO PIN replaced, sealed by shares. `resumed`: an earlier run began it, and may have finished it.
Result<boost::json::object> share_pin_step(const CustodyParts& parts, bool resumed);

}  // namespace signet::ctl::ceremony
