// From OpenSSL's error queue, and from what the token said behind it, to our Error.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"

namespace signet::provider {

// The error after a failed OpenSSL call: `code` and `message`, the queue's text as detail; the queue is empty
// afterwards. When the call failed because the token did, the token's own error comes back instead, so that
// "token unavailable" does not turn into "cannot sign the certificate".
std::unexpected<Error> fail_openssl(ErrorCode code, std::string message);

// What the token answered to the last provider operation of this thread, if it failed; taken once.
std::optional<Error> take_token_error();
void set_token_error(Error error);

// Empties the calling thread's queue and forgets its token error; called before a sequence of OpenSSL calls.
void clear_openssl_errors();

}  // namespace signet::provider
