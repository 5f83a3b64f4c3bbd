// The process that gives the token a new PIN: a login of its own, beside the worker that goes on serving.
#pragma once

#include "base/error.h"
#include "base/secret.h"
#include "hsm/custody/sealed_pins.h"

namespace signet::token {

struct PinChange {
    custody::Pins now;
    custody::Pins next;  // an empty SO PIN stays as it is
};
// For the pipe: each with two bytes of length before it.
Secret encode_pins(const PinChange& change);
Result<PinChange> decode_pins(ByteView bytes);

// The security officer's PIN first, then the user's: whoever logs in with the new user PIN knows that both were set. Says
// `ready` when the token has them, `failed` when it certainly kept the old user PIN; whatever else its end means is unknown.
int run_pin_change();

}  // namespace signet::token
