// The handlers of the MoMo family.
#pragma once

#include "daemon/api/momo/context.h"

namespace signet::api::momo {

enum class Product : std::uint8_t { collection, disbursement, remittance };
std::string_view to_string(Product product);
std::optional<Product> product_from(std::string_view name);

// provision.cpp: the document's operations, and the merchant's revocations
Answer create_user(Context& context, Exchange& exchange);
Answer get_user(Context& context, Exchange& exchange);
Answer create_key(Context& context, Exchange& exchange);
Answer delete_user(Context& context, Exchange& exchange);
Answer delete_key(Context& context, Exchange& exchange);
// token.cpp
Answer collection_token(Context& context, Exchange& exchange);
Answer disbursement_token(Context& context, Exchange& exchange);
Answer remittance_token(Context& context, Exchange& exchange);
// verify.cpp
Answer collection_balance(Context& context, Exchange& exchange);
Answer disbursement_balance(Context& context, Exchange& exchange);
Answer remittance_balance(Context& context, Exchange& exchange);
Answer forward_auth(Context& context, Exchange& exchange);
Answer introspect(Context& context, Exchange& exchange);
Answer jwks(Context& context, Exchange& exchange);
// callback.cpp
Answer enqueue_callback(Context& context, Exchange& exchange);
// admin_subscriptions.cpp
Answer admin_create_subscription(Context& context, Exchange& exchange);
Answer admin_list_subscriptions(Context& context, Exchange& exchange);
Answer admin_rotate_subscription(Context& context, Exchange& exchange);
Answer admin_revoke_subscription(Context& context, Exchange& exchange);
// admin_users.cpp
Answer admin_create_user(Context& context, Exchange& exchange);
Answer admin_list_users(Context& context, Exchange& exchange);
Answer admin_get_user(Context& context, Exchange& exchange);
Answer admin_create_key(Context& context, Exchange& exchange);
Answer admin_revoke_user(Context& context, Exchange& exchange);
Answer admin_revoke_key(Context& context, Exchange& exchange);

}  // namespace signet::api::momo
