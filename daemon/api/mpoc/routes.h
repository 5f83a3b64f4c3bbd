// The MPoC family: the documented AMS API, the keys of SDK instances, and their administration.
#pragma once

#include <memory>

#include "base/error.h"
#include "daemon/api/family.h"
#include "daemon/api/services.h"

namespace signet::api::mpoc {

// Error: failed_precondition when the configuration lacks the CA, its profiles or the key that the section names.
Result<std::unique_ptr<Family>> make(Services& services);

}  // namespace signet::api::mpoc
