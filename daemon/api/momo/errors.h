// The three shapes of MoMo's errors (docs/momo-protocol.md, Errors).
#pragma once

#include "daemon/api/handler.h"
#include "daemon/api/problem.h"

namespace signet::api::momo {

// 401 {"statusCode":401,"message":"Access denied due to …"}: of the gateway in front, for subscription keys.
std::unexpected<Error> subscription_missing();
std::unexpected<Error> subscription_invalid();

// Error shapes of rows. All three answer the errors above in the gateway's shape.
http::Response api_error(const ErrorContext& context);     // {"code":"RESOURCE_NOT_FOUND","message":"…"}
http::Response token_error(const ErrorContext& context);   // {"error":"login_failed"}, Basic
http::Response bearer_error(const ErrorContext& context);  // {"error":"invalid_token"}, RFC 6750

}  // namespace signet::api::momo
