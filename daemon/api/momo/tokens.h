// Access tokens, without HTTP: JWTs (RFC 7519) signed in the token, one alive for each API user and product.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "daemon/api/momo/handlers.h"

namespace signet::api::momo {

struct AccessToken {
    Secret text;  // JWS compact serialisation
    std::chrono::seconds expires_in{0};
};

// The token that is alive, or a new one. `user` has a key that was just checked. Errors: conflict (the key was replaced or
// revoked meanwhile), the token's, storage_*.
Result<AccessToken> access_token(Context& context, const Exchange& exchange, const sqlite::MomoUser& user,
                                 Product product);

struct ValidToken {
    sqlite::MomoUser user;
    sqlite::MomoToken token;
};
// Whose token this is, if it is valid now: the one that was issued last to its user for its product, not expired, with a key
// and a user that were not revoked. Compared with what was issued, so nothing else that the key signed is a token.
Result<std::optional<ValidToken>> find_token(Context& context, std::string_view token);

}  // namespace signet::api::momo
