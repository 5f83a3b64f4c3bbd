// The OpenAPI 3.1 description of the rows a listener serves, made from the route table itself.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/api/route.h"

namespace signet::api {

// JSON text. A row's schemas are checked to be JSON objects (failed_precondition names the row otherwise).
Result<std::string> openapi_document(const RouteTable& rows, std::string_view title,
                                     std::string_view version);

}  // namespace signet::api
