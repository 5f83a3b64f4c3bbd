// The envelope of the AMS API's answers: {"msg","code","data"}. The document fixes 0 for success; the other codes are ours
// (docs/mpoc-protocol.md lists them) and never change their meaning.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/api/problem.h"
#include "daemon/http/message.h"

namespace signet::api::mpoc {

enum class Code : std::uint16_t {
    success = 0,
    credentials_missing = 1001,  // a header of the two is absent, or stands twice
    credentials_wrong = 1002,    // no such customer, no such key, a revoked key, a disabled customer
    customer_differs = 1003,     // the customer in the path is not the one in the header
    not_permitted = 1004,        // the appliance's policy refuses the request
    unknown_sdk = 2001,          // no such SDK instance, or another customer's
    token_gone = 3001,           // POST /token is no longer supported
    malformed = 4001,
    too_large = 4002,
    rate_limited = 4003,
    internal = 5001,
    unavailable = 5002,  // try again
};

// The HTTP status that goes with a code.
unsigned status_of(Code code);
// `data` is a whole JSON object; null is sent where it is empty.
http::Response envelope(Code code, std::string_view message, std::string_view data = {});
// Route::error_shape of the documented rows.
http::Response error_envelope(const ErrorContext& context);

}  // namespace signet::api::mpoc
