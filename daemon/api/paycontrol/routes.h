// PayControl PC Server: /pc-api for applications, /pc-api/ext and /pc-client-api/jsonrequest_v3 for devices.
#pragma once

#include <memory>
#include <vector>

#include "daemon/api/family.h"
#include "daemon/api/paycontrol/context.h"

namespace signet::api::paycontrol {

Result<std::unique_ptr<Family>> make(Services& services);

// The rows, by chapter.
std::vector<Row> system_rows();
std::vector<Row> user_rows();
std::vector<Row> device_rows();
std::vector<Row> transaction_rows();
std::vector<Row> operation_rows();
std::vector<Row> code_rows();
std::vector<Row> event_rows();

}  // namespace signet::api::paycontrol
