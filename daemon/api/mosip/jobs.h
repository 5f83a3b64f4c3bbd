// Background work of the MOSIP family.
#pragma once

#include "daemon/api/mosip/context.h"

namespace signet::api::mosip {

// "Management server may de-register devices that do not time-sync or reconnect within policy driven interval." Each with an
// event and an audit record. Whether it succeeded.
bool deregister_idle(Context& context);
// Transaction ids that the time window refuses anyhow, and old events.
bool prune(Context& context);

}  // namespace signet::api::mosip
