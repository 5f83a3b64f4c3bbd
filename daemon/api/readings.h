// What the metrics show besides requests: token, queues, audit, certificates, outbox, disk. Their names are stable:
// alert rules and dashboards of installations rely on them (packaging/monitoring).
#pragma once

#include <filesystem>
#include <functional>

#include "base/clock.h"
#include "daemon/api/metrics.h"
#include "daemon/http/server.h"
#include "daemon/service/audit.h"
#include "daemon/service/authorities.h"
#include "daemon/service/health.h"
#include "daemon/service/keys.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::api {

// All references outlive the metrics.
struct ReadingSources {
    service::Health& health;
    service::Keys& keys;
    service::Authorities& authorities;
    service::Audit& audit;
    sqlite::Writer& writer;
    sqlite::ReadPool& readers;
    const Clock& clock;
    std::filesystem::path database;
    std::function<http::ServerLoad()> load;  // all zero before the server runs
};

// A value that cannot be found out now is NaN, which Prometheus keeps apart from 0.
void add_readings(Metrics& metrics, const ReadingSources& sources);

}  // namespace signet::api
