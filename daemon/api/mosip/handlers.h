// The handlers of the MOSIP family.
#pragma once

#include "daemon/api/mosip/context.h"
#include "daemon/api/problem.h"

namespace signet::api::mosip {

// device_handler.cpp: what the document describes
Answer device_request(Context& context, Exchange& exchange);
Answer ping(Context& context, Exchange& exchange);
// Route::error_shape: {"responseCode":"-1001","description":"…"}, not signed, with HTTP 200.
http::Response unsigned_answer(const ErrorContext& context);

// vendor_handlers.cpp
Answer create_vendor(Context& context, Exchange& exchange);
Answer list_vendors(Context& context, Exchange& exchange);
Answer get_vendor(Context& context, Exchange& exchange);
Answer disable_vendor(Context& context, Exchange& exchange);
Answer enable_vendor(Context& context, Exchange& exchange);
Answer add_certificates(Context& context, Exchange& exchange);
Answer remove_certificate(Context& context, Exchange& exchange);
// device_handlers.cpp
Answer add_device(Context& context, Exchange& exchange);
Answer import_devices(Context& context, Exchange& exchange);
Answer list_devices(Context& context, Exchange& exchange);
Answer get_device(Context& context, Exchange& exchange);
Answer device_history(Context& context, Exchange& exchange);
Answer change_device(Context& context, Exchange& exchange);
// settings_handlers.cpp
Answer get_policy(Context& context, Exchange& exchange);
Answer set_policy(Context& context, Exchange& exchange);
Answer set_encryption_certificate(Context& context, Exchange& exchange);
Answer list_encryption_certificates(Context& context, Exchange& exchange);

}  // namespace signet::api::mosip
