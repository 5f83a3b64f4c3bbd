// Who asks a service for something, and until when.
#pragma once

#include <string_view>

#include "hsm/frames/token_interface.h"

namespace signet::service {

// The texts live as long as the request.
struct Caller {
    std::string_view principal;   // a name from the policy, `public`, or `system`
    std::string_view request_id;  // as in the answer, the log and the audit chain
    Deadline deadline;
};

// The daemon itself: background work and start-up.
Caller system_caller(std::chrono::milliseconds time_limit);

}  // namespace signet::service
