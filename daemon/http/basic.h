// Authorization: Basic (RFC 7617) and Bearer (RFC 6750 section 2.1), read strictly.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "daemon/http/message.h"

namespace signet::http {

struct BasicCredentials {
    std::string user;  // without ':' and control characters; 1 to 256 bytes
    Secret password;   // 1 to 256 bytes, no control characters
};

// The value of an Authorization field. nullopt for anything else than `Basic` (in any case), one or more spaces, and strict
// base64 of user ':' password in UTF-8.
std::optional<BasicCredentials> parse_basic(std::string_view value);

// The token of `Bearer`: 1 to 8,192 characters of RFC 6750's b64token; nullopt for anything else. A view into `value`.
std::optional<std::string_view> parse_bearer(std::string_view value);

// The one Authorization field of a request; empty when there is none or more than one.
std::string_view authorization_of(const Headers& headers);

}  // namespace signet::http
