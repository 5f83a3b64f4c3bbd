// From a row to its answer: a device proves itself, the handler works, the event is recorded.
#pragma once

#include "daemon/api/paycontrol/context.h"

namespace signet::api::paycontrol {

// The one way through which every request of this family goes. `device`: the row is asked below the devices' paths.
http::Response dispatch(Context& context, Exchange& exchange, const Row& row, bool device);

// device_auth.cpp. Codes: 288, 349, and those of lookup.h.
Outcome<Device> authenticate_device(Call& call);

}  // namespace signet::api::paycontrol
