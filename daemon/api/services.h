// What the handlers of every family work with; all of it outlives the pipeline.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace signet {
class TokenInterface;
}
namespace signet::config {
class Current;
}
namespace signet::provider {
class LibraryContext;
}
namespace signet::service {
class Approvals;
class Audit;
class Authorities;
class Backup;
class CertificateRequests;
class Health;
class Idempotency;
class Keys;
class Outbox;
class Signing;
class WrappedKeys;
}  // namespace signet::service
namespace signet::sqlite {
class ReadPool;
class Writer;
}  // namespace signet::sqlite

namespace signet::api {

class Metrics;
class Reach;

struct Services {
    service::Keys& keys;
    service::Signing& signing;
    service::WrappedKeys& wrapped;
    service::Authorities& authorities;
    service::CertificateRequests& requests;
    service::Audit& audit;
    service::Idempotency& idempotency;
    service::Approvals& approvals;
    service::Outbox& outbox;
    service::Health& health;
    service::Backup& backup;
    sqlite::Writer& writer;
    sqlite::ReadPool& readers;
    TokenInterface& token;
    provider::LibraryContext& library;  // token keys through OpenSSL
    Reach& reach;                       // requests to other systems
    Metrics& metrics;
    const config::Current& config;  // as the last reload left it
    const Clock& clock;
    // Reloads configuration and policy as SIGHUP does; one line per difference.
    std::function<Result<std::vector<std::string>>()> reload;
    // The text of GET /v1/openapi.json, made once all families are known.
    std::function<const std::string&()> openapi;
};

}  // namespace signet::api
