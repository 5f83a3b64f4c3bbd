// The handlers of the MPoC family.
#pragma once

#include "daemon/api/mpoc/context.h"

namespace signet::api::mpoc {

// ams.cpp: what the document describes
Answer query_info(Context& context, Exchange& exchange);
Answer query_security(Context& context, Exchange& exchange);
Answer request_token(Context& context, Exchange& exchange);
// customer_handlers.cpp
Answer create_customer(Context& context, Exchange& exchange);
Answer list_customers(Context& context, Exchange& exchange);
Answer get_customer(Context& context, Exchange& exchange);
Answer disable_customer(Context& context, Exchange& exchange);
Answer enable_customer(Context& context, Exchange& exchange);
Answer create_api_key(Context& context, Exchange& exchange);
Answer revoke_api_key(Context& context, Exchange& exchange);
// sdk_handlers.cpp
Answer enrol_sdk(Context& context, Exchange& exchange);
Answer list_sdks(Context& context, Exchange& exchange);
Answer get_sdk(Context& context, Exchange& exchange);
Answer rekey_sdk(Context& context, Exchange& exchange);
Answer block_sdk(Context& context, Exchange& exchange);
Answer unblock_sdk(Context& context, Exchange& exchange);
Answer revoke_sdk_keys(Context& context, Exchange& exchange);
Answer decommission_sdk(Context& context, Exchange& exchange);
// attestation_handlers.cpp
Answer report_attestation(Context& context, Exchange& exchange);
Answer list_attestations(Context& context, Exchange& exchange);
// payment_keys.cpp
Answer unwrap_payment_key(Context& context, Exchange& exchange);
// key_handlers.cpp
Answer sign(Context& context, Exchange& exchange);

}  // namespace signet::api::mpoc
