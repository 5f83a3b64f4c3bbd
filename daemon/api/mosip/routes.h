// The MOSIP family: the management server of secure biometric devices, and its administration.
#pragma once

#include <memory>

#include "base/error.h"
#include "daemon/api/family.h"
#include "daemon/api/services.h"

namespace signet::api::mosip {

// Errors: failed_precondition when the configuration lacks the CA or profile that the section names; its certificate files.
Result<std::unique_ptr<Family>> make(Services& services);

}  // namespace signet::api::mosip
