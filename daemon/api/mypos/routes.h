// myPOS: stores, key pairs and signatures (docs/mypos-protocol.md).
#pragma once

#include <memory>

#include "base/error.h"
#include "daemon/api/family.h"
#include "daemon/api/services.h"

namespace signet::api::mypos {

Result<std::unique_ptr<Family>> make(Services& services);

}  // namespace signet::api::mypos
