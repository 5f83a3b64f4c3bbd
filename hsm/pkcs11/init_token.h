// Making a token and changing its PIN: what `signetd-token init-token` and `change-pin` do.
#pragma once

#include <string>

#include "base/error.h"
#include "base/secret.h"
#include "hsm/pkcs11/module.h"

namespace signet::pkcs11 {

struct InitialisedToken {
    std::string label;
    std::string serial;
};

// Initialises a free slot: C_InitToken with the security officer's PIN, then C_InitPIN with the user's.
// `label` has 1 to 32 bytes. The slot's number changes with it; find the token by its label or serial
// afterwards, after a new C_Initialize. Errors: already_exists when a token of that label is there,
// token_full when no slot is free.
Result<InitialisedToken> init_token(const Module& module, const std::string& label, const Secret& so_pin,
                                    const Secret& user_pin);

// C_SetPIN as the user. The old PIN is tried once, under the rules of log_in.
Status change_pin(const Module& module, const std::string& label, const std::string& serial,
                  const Secret& old_pin, const Secret& new_pin);

// The same as the security officer. No session of the user may be open in this process.
Status change_so_pin(const Module& module, const std::string& label, const std::string& serial,
                     const Secret& old_pin, const Secret& new_pin);

}  // namespace signet::pkcs11
