// Uses a token key by name: the cached handle first, and once more with a new one when the token says it is stale.
#pragma once

#include <string_view>
#include <utility>

#include "hsm/token/key_cache.h"
#include "hsm/token/token_context.h"

namespace signet::token {

// `operation(key)` gives a CkResult and runs twice at most; `check(key)` gives a Status. `what` completes to
// "<what> with device.ca/1".
template <class Check, class Operation>
auto with_token_key(TokenContext& context, KeyCache& keys, const KeyId& id, std::string_view what,
                    Check check, Operation operation)
    -> Result<typename std::invoke_result_t<Operation, const TokenKey&>::value_type> {
    for (int attempt = 0;; ++attempt) {
        auto key = keys.get(id);
        if (!key) {
            // A key that was known a moment ago: say "not found" only when the token itself is well.
            if (attempt > 0) SIGNET_TRY(context.check_alive());
            return std::unexpected(std::move(key).error());
        }
        SIGNET_TRY(check(**key));
        auto result = operation(**key);
        if (result) [[likely]]
            return *std::move(result);
        if (attempt == 0 && pkcs11::is_stale_handle(result.error().rv)) {
            keys.drop(**key);
            continue;
        }
        return std::unexpected(
            context.explain(result.error(), std::string(what) + " with " + (*key)->name()));
    }
}

}  // namespace signet::token
