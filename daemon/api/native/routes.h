// The native API: keys and what they are used for, certificate authorities, the audit chain, and the daemon itself.
#pragma once

#include <memory>

#include "base/error.h"
#include "daemon/api/family.h"

namespace signet::api::native {

Result<std::unique_ptr<Family>> make(Services& services);

}  // namespace signet::api::native
