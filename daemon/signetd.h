// The daemon: every part of it, in the order in which they start, and in reverse the order in which they stop.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/api/family.h"
#include "daemon/api/metrics.h"
#include "daemon/api/pipeline.h"
#include "daemon/api/reach.h"
#include "daemon/api/services.h"
#include "daemon/config/current.h"
#include "daemon/http/server.h"
#include "daemon/service/approvals.h"
#include "daemon/service/audit.h"
#include "daemon/service/authorities.h"
#include "daemon/service/backup.h"
#include "daemon/service/certificate_requests.h"
#include "daemon/service/health.h"
#include "daemon/service/idempotency.h"
#include "daemon/service/keys.h"
#include "daemon/service/maintenance.h"
#include "daemon/service/outbox.h"
#include "daemon/service/signing.h"
#include "daemon/service/wrapped_keys.h"
#include "daemon/token_process.h"
#include "hsm/client/token_client.h"
#include "hsm/provider/library_context.h"
#include "sqlite/database_lock.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::daemon {

struct Options {
    std::filesystem::path config;
    bool with_token = false;
};

// Reads and checks configuration, policy and every file they name, and changes nothing.
Status check(const std::filesystem::path& config);

class Signetd {
  public:
    // Serves when it returns. The token need not be there: until it is, /v1/health/ready says why not.
    static Result<std::unique_ptr<Signetd>> start(const Options& options, config::Config config);
    ~Signetd();
    Signetd(const Signetd&) = delete;
    Signetd& operator=(const Signetd&) = delete;

    // Until SIGTERM or SIGINT; SIGHUP reloads. Returns when all is stopped.
    void run();

    // Reads configuration, policy and certificates again. All are checked first; an error leaves the old ones in force.
    // One line per difference.
    Result<std::vector<std::string>> reload();

  private:
    explicit Signetd(config::Config config);
    Status open_state();
    Status start_services();
    Status start_server();
    void add_jobs();
    void feed_watchdog();
    void stop();

    class Refusals;  // from the pipeline to the audit chain

    SystemClock clock_;
    std::mutex reloading_;
    config::Config config_;
    std::shared_ptr<const policy::Policy> policy_;
    std::optional<sqlite::DatabaseLock> lock_;
    std::unique_ptr<sqlite::Writer> writer_;
    std::optional<sqlite::ReadPool> readers_;
    std::unique_ptr<TokenProcess> token_process_;
    std::unique_ptr<TokenClient> token_;
    std::unique_ptr<provider::LibraryContext> library_;
    std::unique_ptr<provider::LibraryContext> tls_library_;  // gives up a signature after a second
    std::unique_ptr<service::Keys> keys_;
    std::unique_ptr<api::Reach> reach_;
    std::unique_ptr<service::Signing> signing_;
    std::unique_ptr<service::WrappedKeys> wrapped_;
    std::unique_ptr<service::Authorities> authorities_;
    std::unique_ptr<service::CertificateRequests> requests_;
    std::unique_ptr<service::Audit> audit_;
    std::unique_ptr<service::Idempotency> idempotency_;
    std::unique_ptr<service::Approvals> approvals_;
    std::unique_ptr<service::Outbox> outbox_;
    std::unique_ptr<service::Health> health_;
    std::unique_ptr<service::Backup> backup_;
    api::Metrics metrics_;
    std::unique_ptr<Refusals> refusals_;
    config::Current current_;  // for the families; `config_` as of the last reload
    std::unique_ptr<api::Services> services_;
    std::vector<std::unique_ptr<api::Family>> families_;
    std::string openapi_;
    std::unique_ptr<api::Pipeline> pipeline_;
    service::Maintenance maintenance_;
    std::unique_ptr<http::Server> server_;
    bool stopped_ = false;
};

}  // namespace signet::daemon
