// What the handlers of this family share.
#pragma once

#include <memory>
#include <string_view>

#include "daemon/api/attempts.h"
#include "daemon/api/exchange.h"
#include "daemon/api/handler.h"
#include "daemon/api/services.h"
#include "daemon/config/momo.h"
#include "sqlite/momo_subscription_store.h"
#include "sqlite/momo_user_store.h"

namespace signet::api::momo {

struct Context {
    Services& services;
    Attempts attempts{};

    // As the last reload left it.
    config::Momo settings() const;
};

// Wrong credentials, as Attempts counts them: of the caller and of the account that was guessed at.
Status admit_caller(Context& context, const Exchange& exchange);
void caller_failed(Context& context, const Exchange& exchange);
Status admit_account(Context& context, std::string_view user);
void account_failed(Context& context, std::string_view user);

// The subscription that `Ocp-Apim-Subscription-Key` opens. Errors: subscription_missing, subscription_invalid (errors.h),
// rate_limited, the token's.
Result<sqlite::MomoSubscription> subscription_of(Context& context, const Exchange& exchange);

// A UUID in lower case. Error: invalid_argument naming `what`.
Result<std::string> read_uuid(std::string_view text, std::string_view what);

}  // namespace signet::api::momo
