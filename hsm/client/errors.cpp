#include "hsm/client/errors.h"

namespace signet::client::errors {

Error unavailable(std::string message, std::string detail) {
    return {ErrorCode::token_unavailable, std::move(message), std::move(detail), kRetryAfter};
}

Error shutting_down() {
    return {ErrorCode::cancelled, "the token client is shutting down", {}};
}

Error overloaded() {
    return {ErrorCode::overloaded, "too many requests wait for the token; try again later", {}, kRetryAfter};
}

Error too_late(frames::Operation operation) {
    return in_flight(operation,
                     {ErrorCode::deadline_exceeded, "the token did not answer in time", {}, kRetryAfter});
}

Error in_flight(frames::Operation operation, const Error& why) {
    auto error = why;
    const auto& properties = frames::traits(operation);
    if (properties.changes_token)
        error.message +=
            "; whether " + std::string(properties.name) + " took effect is unknown: look before trying again";
    return error;
}

}  // namespace signet::client::errors
