#include "daemon/signetd.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "base/log.h"
#include "daemon/api/native/routes.h"
#include "daemon/api/openapi.h"
#include "daemon/api/outbound.h"
#include "daemon/api/readings.h"
#include "daemon/exit_codes.h"
#include "daemon/families.h"
#include "daemon/listeners.h"
#include "daemon/process.h"
#include "daemon/service/authority_material.h"
#include "daemon/service/stop_guard.h"
#include "signet_version.h"
#include "sqlite/migrations.h"
#include "sqlite/retention.h"

namespace signet::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kTlsSignatureTime = 1s;
constexpr std::size_t kReaders = 8;
constexpr std::size_t kDeliveryThreads = 4;
constexpr auto kTick = 500ms;
// A writer or an event loop that did not go round for this long hangs; systemd's watchdog may end us then.
constexpr auto kStall = 20s;
// For what follows the drain of running requests: background work, the last commits, a last checkpoint.
constexpr auto kStopTime = 15s;

service::AuditSettings audit_settings(const config::Config& config) {
    return {config.audit.key, config.audit.checkpoint_every, config.audit.checkpoint_interval,
            config.audit.retention, config.audit.archive};
}

Result<std::shared_ptr<const policy::Policy>> load_policy(const config::Config& config) {
    SIGNET_ASSIGN(auto policy, policy::Policy::load(config.policy));
    SIGNET_TRY(service::check_approval_keys(*policy));
    return policy;
}

std::set<std::string, std::less<>> needed_keys(const config::Config& config) {
    std::set<std::string, std::less<>> out{config.audit.key, config.keys.wrap, config.keys.bind,
                                           config.keys.seal};
    for (const auto& listener : config.listeners) {
        if (listener.tls) out.insert(listener.tls->key);
    }
    return out;
}

}  // namespace

class Signetd::Refusals final : public api::RefusalSink {
  public:
    explicit Refusals(service::Audit& audit) : audit_(audit) {}
    void refused(const api::Refusal& refusal) override {
        audit_.refused({refusal.principal, refusal.permission, refusal.resource, refusal.algorithm,
                        refusal.why, refusal.peer, refusal.request_id,
                        refusal.reason == ErrorCode::rate_limited});
    }

  private:
    service::Audit& audit_;
};

Signetd::Signetd(config::Config config)
    : config_(std::move(config)), current_(std::make_shared<const config::Config>(config_)) {}

Status check(const std::filesystem::path& file) {
    SIGNET_ASSIGN(const auto config, config::load(file));
    SIGNET_TRY(load_policy(config));
    SIGNET_TRY(service::load_authorities(config.authorities));
    return {};
}

Result<std::unique_ptr<Signetd>> Signetd::start(const Options& options, config::Config config) {
    std::unique_ptr<Signetd> daemon(new Signetd(std::move(config)));
    SIGNET_ASSIGN(daemon->policy_, load_policy(daemon->config_));
    if (options.with_token) {
        if (daemon->config_.token.config.empty())
            return fail(ErrorCode::invalid_argument,
                        "--with-token needs token.config in " + daemon->config_.file.string());
        // First of all: the token logs in while the database opens.
        SIGNET_ASSIGN(daemon->token_process_,
                      TokenProcess::start(daemon->config_.token.config, daemon->config_.log_level));
    }
    SIGNET_TRY(daemon->open_state());
    SIGNET_TRY(daemon->start_services());
    SIGNET_TRY(daemon->start_server());
    daemon->add_jobs();
    daemon->maintenance_.start();
    if (const auto noted =
            daemon->audit_->note("system.start", "ok", R"({"version":")" SIGNET_VERSION R"("})");
        !noted)
        log::error("daemon.start.unrecorded", noted.error().message, {{"detail", noted.error().detail}});
    sd_notify(0, "READY=1");
    log::info("daemon.started", "signetd " SIGNET_VERSION " serves",
              {{"config", daemon->config_.file.string()}});
    return daemon;
}

Status Signetd::open_state() {
    std::error_code error;
    if (!std::filesystem::exists(config_.database, error))
        return fail(ErrorCode::failed_precondition,
                    "there is no database " + config_.database.string() +
                        ": this appliance has not been made yet. The installed service: `signetctl init "
                        "--system`, then "
                        "`systemctl start signetd`; an appliance of its own: `signetctl init DIR`");
    SIGNET_ASSIGN(lock_, sqlite::DatabaseLock::acquire(config_.database, "signetd"));
    SIGNET_ASSIGN(auto connection,
                  sqlite::Connection::open(config_.database, sqlite::Connection::Mode::create));
    SIGNET_ASSIGN(const auto migrated, sqlite::migrate(connection, sqlite::all_migrations(), clock_));
    if (migrated.applied != 0)
        log::info("database.migrated", "the database has the schema of this version",
                  {{"applied", std::to_string(migrated.applied)},
                   {"copy", migrated.copy ? migrated.copy->string() : ""}});
    SIGNET_ASSIGN(writer_, sqlite::Writer::start({}, std::move(connection), clock_));
    SIGNET_ASSIGN(readers_, sqlite::ReadPool::open(config_.database, kReaders));
    return {};
}

Status Signetd::start_services() {
    token_ = TokenClient::create({.socket = config_.token.socket});
    SIGNET_ASSIGN(library_, provider::LibraryContext::create(*token_, config_.limits.request_time));
    SIGNET_ASSIGN(tls_library_, provider::LibraryContext::create(*token_, kTlsSignatureTime));

    keys_ = std::make_unique<service::Keys>(
        service::Keys::Parts{*token_, *writer_, *readers_, clock_, needed_keys(config_)});
    SIGNET_TRY(keys_->load());
    SIGNET_ASSIGN(auto outbound, api::Outbound::load(config_.outbound, *library_, *keys_));
    reach_ = std::make_unique<api::Reach>(std::move(outbound));
    signing_ = std::make_unique<service::Signing>(service::Signing::Parts{*token_, *writer_});
    wrapped_ = std::make_unique<service::WrappedKeys>(service::WrappedKeys::Parts{
        *token_, *keys_, *writer_, *readers_, clock_, config_.keys.wrap, config_.keys.bind});
    outbox_ = std::make_unique<service::Outbox>(service::Outbox::Parts{
        *writer_, *readers_, clock_,
        [this](const sqlite::OutboxMessage& message) { return api::send_message(*reach_, message); }});
    authorities_ = std::make_unique<service::Authorities>(
        service::Authorities::Parts{*library_, *keys_, *writer_, *readers_, clock_});
    SIGNET_ASSIGN(auto material, service::load_authorities(config_.authorities));
    authorities_->replace(std::move(material));
    requests_ = std::make_unique<service::CertificateRequests>(
        service::CertificateRequests::Parts{*library_, *keys_, *writer_});
    audit_ = std::make_unique<service::Audit>(
        service::Audit::Parts{*token_, *keys_, *writer_, *readers_, clock_, config_.database,
                              [this] {
                                  return metrics_.refused_count(api::Metrics::Refused::stranger) +
                                         metrics_.refused_count(api::Metrics::Refused::anonymous);
                              }},
        audit_settings(config_));
    idempotency_ = std::make_unique<service::Idempotency>(
        service::Idempotency::Parts{*token_, *writer_, clock_, *keys_, config_.keys.seal});
    SIGNET_TRY(idempotency_->release_in_flight());
    keys_->on_settled([this](sqlite::Transaction& transaction, const service::SettledIntent& settled) {
        return api::native::keep_settled(*idempotency_, transaction, settled);
    });
    approvals_ = std::make_unique<service::Approvals>(service::Approvals::Parts{*writer_, *readers_, clock_});
    health_ = std::make_unique<service::Health>(
        service::Health::Parts{*token_, *writer_, *keys_, *audit_, *authorities_, clock_, config_.database},
        config_.limits.free_disk);
    backup_ = std::make_unique<service::Backup>(
        service::Backup::Parts{*writer_, clock_, config_.database},
        service::BackupSettings{config_.backup.directory, config_.backup.keep});
    refusals_ = std::make_unique<Refusals>(*audit_);
    services_ =
        std::make_unique<api::Services>(api::Services{*keys_,
                                                      *signing_,
                                                      *wrapped_,
                                                      *authorities_,
                                                      *requests_,
                                                      *audit_,
                                                      *idempotency_,
                                                      *approvals_,
                                                      *outbox_,
                                                      *health_,
                                                      *backup_,
                                                      *writer_,
                                                      *readers_,
                                                      *token_,
                                                      *library_,
                                                      *reach_,
                                                      metrics_,
                                                      current_,
                                                      clock_,
                                                      [this] { return reload(); },
                                                      [this]() -> const std::string& { return openapi_; }});
    SIGNET_ASSIGN(families_, make_families(*services_, config_));
    return {};
}

Status Signetd::start_server() {
    auto rows = all_routes(families_, config_.limits.body);
    SIGNET_ASSIGN(openapi_, api::openapi_document(rows, "Signet", SIGNET_VERSION));
    SIGNET_ASSIGN(pipeline_, api::Pipeline::create({std::move(rows), listener_rules(config_), policy_,
                                                    *refusals_, metrics_, clock_, approvals_.get(),
                                                    [this] { return audit_->trusted(); }}));
    api::add_readings(
        metrics_, {*health_, *keys_, *authorities_, *audit_, *writer_, *readers_, clock_, config_.database,
                   [this] { return server_ ? server_->load() : http::ServerLoad{}; }});
    SIGNET_ASSIGN(const auto tls, make_tls_contexts(config_, *tls_library_, *keys_));
    SIGNET_ASSIGN(server_,
                  http::Server::start(server_listeners(config_, tls), *pipeline_, server_limits(config_)));
    return {};
}

void Signetd::add_jobs() {
    const auto time = config_.limits.request_time;
    // Health first: it looks at the token, resolves what an earlier run left open, and makes the daemon ready.
    maintenance_.add({"health", 5s, 200ms, [this, time] {
                          return health_->check(std::min<std::chrono::milliseconds>(time, 5s));
                      }});
    maintenance_.add({"checkpoints", 1s, 5s,
                      [this, time] { return !health_->token_status() || audit_->checkpoint_if_due(time); }});
    maintenance_.add({"crls", 5s, 10s, [this, time] {
                          return !health_->token_status() || !audit_->trusted() ||
                                 authorities_->renew_crls(time);
                      }});
    maintenance_.add({"keys", 60s, 60s, [this, time] {
                          return !health_->token_status() ||
                                 keys_->synchronise(Deadline::in(time)).has_value();
                      }});
    maintenance_.add({"uses", 10s, 10s, [this] { return keys_->flush_uses().has_value(); }});
    maintenance_.add({"approvals", 60s, 60s, [this] { return approvals_->expire(); }});
    maintenance_.add({"refusals", 60s, 60s, [this] {
                          audit_->summarise_refusals();
                          authorities_->summarise_ocsp();
                          return true;
                      }});
    maintenance_.add({"retention", 1h, 10min, [this, time] {
                          const auto pruned = sqlite::prune_all(*writer_, {}, clock_.now());
                          const auto archived = audit_->archive(service::system_caller(time));
                          for (const auto* error :
                               {pruned ? nullptr : &pruned.error(), archived ? nullptr : &archived.error()}) {
                              if (error != nullptr)
                                  log::error("retention.failed", error->message, {{"detail", error->detail}});
                          }
                          return pruned && archived;
                      }});
    maintenance_.add({"warnings", 6h, 6h, [this] {
                          for (const auto& warning : authorities_->alarms())
                              log::warning("ca.alarm", warning);
                          for (const auto& warning : health_->key_alarms())
                              log::warning("key.alarm", warning);
                          return true;
                      }});
    maintenance_.add({"rewrap", 60s, 60s, [this, time] {
                          if (!health_->token_status()) return true;
                          const auto moved = wrapped_->rewrap_some(service::system_caller(time), 200);
                          if (moved && *moved != 0) maintenance_.wake("rewrap");
                          return moved.has_value();
                      }});
    for (const auto& family : families_)
        family->add_jobs(maintenance_);
    outbox_->start(kDeliveryThreads);
}

void Signetd::run() {
    for (;;) {
        const int number = wait_for_signal(kTick);
        feed_watchdog();
        if (number == SIGHUP) {
            sd_notify(0, "RELOADING=1");
            if (const auto changed = reload(); !changed)
                log::error("daemon.reload.refused",
                           "the old configuration stays in force: " + changed.error().message,
                           {{"detail", changed.error().detail}});
            sd_notify(0, "READY=1");
        }
        if (number == SIGTERM || number == SIGINT) break;
    }
    stop();
}

void Signetd::feed_watchdog() {
    const auto slowest = std::min(writer_->heartbeat(), server_->heartbeat());
    if (std::chrono::steady_clock::now() - slowest < kStall) sd_notify(0, "WATCHDOG=1");
}

Result<std::vector<std::string>> Signetd::reload() {
    const std::lock_guard lock(reloading_);
    SIGNET_ASSIGN(auto config, config::load(config_.file));
    SIGNET_ASSIGN(auto policy, load_policy(config));
    SIGNET_ASSIGN(auto material, service::load_authorities(config.authorities));
    SIGNET_ASSIGN(auto outbound, api::Outbound::load(config.outbound, *library_, *keys_));
    const auto fixed = config::needs_restart(config_, config);
    for (const auto& family : families_)
        SIGNET_TRY(family->check(config));
    // Listeners are fixed while the process runs: contexts are made for those that are open and still configured.
    SIGNET_ASSIGN(const auto tls, make_tls_contexts(config, *tls_library_, *keys_));

    auto changes = config::differences(config_, config);
    for (auto& line : policy::differences(*policy_, *policy))
        changes.push_back("policy: " + std::move(line));
    for (const auto& line : changes)
        log::info("daemon.reload.change", line);
    for (const auto& line : fixed)
        log::warning("daemon.reload.needs_restart", line + " (takes effect at the next start)");

    // Recorded before anything changes: what is in force is always on record, and a full disk changes no policy.
    SIGNET_TRY(audit_->note("system.reload", "ok", R"({"changes":)" + std::to_string(changes.size()) + "}"));
    pipeline_->replace_policy(policy);
    policy_ = std::move(policy);
    authorities_->replace(std::move(material));
    reach_->replace(std::move(outbound));
    audit_->replace(audit_settings(config));
    backup_->replace({config.backup.directory, config.backup.keep});
    health_->set_free_disk(config.limits.free_disk);
    log::set_up("signetd", config.log_level);
    for (const auto& [listener, context] : tls) {
        if (const auto replaced = server_->replace_tls(listener, context); !replaced)
            log::warning("daemon.reload.needs_restart",
                         "listener '" + listener + "' is served from the next start on");
    }
    // What is fixed stays on record as it is in force, so that the next reload reports it again.
    config.limits.workers = config_.limits.workers;
    config_ = std::move(config);
    current_.set(std::make_shared<const config::Config>(config_));
    for (const auto& family : families_)
        family->reloaded();
    log::info("daemon.reloaded", "configuration and policy were reloaded",
              {{"changes", std::to_string(changes.size())}});
    return changes;
}

// In reverse: no new work, then the work that runs, then what it stands on.
void Signetd::stop() {
    if (std::exchange(stopped_, true)) return;
    const service::StopGuard guard(config_.limits.drain_time + kStopTime, kExitFailed);
    sd_notify(0, "STOPPING=1");
    log::info("daemon.stopping", "no new connections; running requests end");
    if (server_ && !server_->drain())
        log::warning("daemon.drain.cut", "requests that did not end in time were cut off");
    maintenance_.stop();
    if (outbox_) outbox_->stop();
    server_.reset();
    if (!writer_) return;
    if (keys_ && !keys_->flush_uses())
        log::warning("daemon.uses.lost", "the last counts of key uses were not written");
    if (audit_) {
        audit_->summarise_refusals();
        static_cast<void>(audit_->note("system.stop", "ok", "{}"));
        // Signed if the token is there; if not, the next start does it.
        if (health_->readiness().ready) static_cast<void>(audit_->checkpoint(Deadline::in(2s)));
    }
    writer_->stop();
    log::info("daemon.stopped", "signetd ended");
}

Signetd::~Signetd() {
    stop();
}

}  // namespace signet::daemon
