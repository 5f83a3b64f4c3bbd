// Registrations on their way to MOSIP: outbox messages of the kind `mosip.register`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/api/mosip/context.h"
#include "daemon/api/mosip/request.h"
#include "daemon/service/outbox.h"

namespace signet::api::mosip {

std::string object_of(const DeviceRequest& request);  // in audit records

// At start: what becomes of MOSIP's answers.
void add_outbox_kind(Context& context);
Status enqueue_registration(Context& context, sqlite::Transaction& transaction, std::int64_t registration,
                            std::int64_t device, std::string_view body);

}  // namespace signet::api::mosip
