// The native API: keys and what they are used for, certificate authorities, the audit chain, and the daemon itself.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/api/metrics.h"
#include "daemon/api/route.h"
#include "daemon/service/audit.h"
#include "daemon/service/authorities.h"
#include "daemon/service/backup.h"
#include "daemon/service/certificate_requests.h"
#include "daemon/service/health.h"
#include "daemon/service/idempotency.h"
#include "daemon/service/keys.h"
#include "daemon/service/signing.h"
#include "hsm/frames/token_interface.h"

namespace signet::api::native {

// What the handlers work with; outlives the pipeline.
struct Services {
    service::Keys& keys;
    service::Signing& signing;
    service::Authorities& authorities;
    service::CertificateRequests& requests;
    service::Audit& audit;
    service::Idempotency& idempotency;
    service::Health& health;
    service::Backup& backup;
    TokenInterface& token;
    Metrics& metrics;
    const Clock& clock;
    // Reloads configuration and policy as SIGHUP does; one line per difference.
    std::function<Result<std::vector<std::string>>()> reload;
    // The text of GET /v1/openapi.json, made once all families are known.
    std::function<const std::string&()> openapi;
};

RouteTable routes(Services& services);

}  // namespace signet::api::native
