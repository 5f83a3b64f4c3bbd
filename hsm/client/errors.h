// The errors the client makes itself.
#pragma once

#include <chrono>
#include <string>

#include "base/error.h"
#include "hsm/frames/operation.h"

namespace signet::client::errors {

inline constexpr std::chrono::seconds kRetryAfter{1};

Error unavailable(std::string message, std::string detail = {});
Error shutting_down();
Error overloaded();
Error too_late(frames::Operation operation);
// `why`, and for what may have changed the token that its outcome is unknown.
Error in_flight(frames::Operation operation, const Error& why);

}  // namespace signet::client::errors
