// MTN MoMo: API users, API keys and OAuth 2.0 access tokens (docs/momo-protocol.md).
#pragma once

#include <memory>

#include "base/error.h"
#include "daemon/api/family.h"
#include "daemon/api/services.h"

namespace signet::api::momo {

Result<std::unique_ptr<Family>> make(Services& services);

}  // namespace signet::api::momo
