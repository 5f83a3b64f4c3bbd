// The token itself: found by what it is called, never by the number of its slot (SoftHSM gives a new number
// after each initialisation, readers after each plugging).
#pragma once

#include <p11-kit/pkcs11.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "hsm/pkcs11/module.h"
#include "hsm/pkcs11/session.h"

namespace signet::pkcs11 {

struct TokenDescription {
    CK_SLOT_ID slot = 0;
    std::string label;
    std::string serial;
    std::string manufacturer;
    std::string model;
    CK_FLAGS flags = 0;
};

// Every token present. token_unavailable when the slots cannot be listed.
Result<std::vector<TokenDescription>> list_tokens(const Module& module);

// The one token with this label and serial (an empty one matches all). Errors: token_unavailable when there
// is none, with the labels there are; failed_precondition when several match.
Result<TokenDescription> find_token(const Module& module, std::string_view label, std::string_view serial);

// Flags and names as they are now. A failure tells that the token is gone.
CkResult<TokenDescription> describe_token(const Module& module, CK_SLOT_ID slot);

CkResult<std::vector<CK_MECHANISM_TYPE>> list_mechanisms(const Module& module, CK_SLOT_ID slot);

// Logs the user in, once. Without asking the token it fails with token_pin when the token says that the PIN
// is locked, was never set, or that this would be the final try: a wrong PIN in a file must never lock the
// token.
Status log_in(Session& session, const TokenDescription& token, const Secret& pin);

}  // namespace signet::pkcs11
