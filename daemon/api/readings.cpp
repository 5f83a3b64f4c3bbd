#include "daemon/api/readings.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <system_error>

#include "hsm/pki/certificate.h"
#include "signet_version.h"
#include "sqlite/outbox_store.h"

namespace signet::api {
namespace {

using Kind = Metrics::Kind;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

double seconds(auto duration) {
    return std::chrono::duration<double>(duration).count();
}

void add_token(Metrics& metrics, const ReadingSources& from) {
    auto& health = from.health;
    const auto token = [&metrics, &health](Kind kind, const char* name, const char* help, auto member) {
        metrics.add(kind, name, "", help, [&health, member] {
            const auto status = health.token_status();
            return status ? static_cast<double>((*status).*member) : kUnknown;
        });
    };
    metrics.add(Kind::gauge, "signet_ready", "", "1 when the appliance can sign.",
                [&health] { return health.readiness().ready ? 1.0 : 0.0; });
    metrics.add(Kind::gauge, "signet_warnings", "",
                "Conditions that will keep the appliance from being ready.",
                [&health] { return static_cast<double>(health.readiness().warnings.size()); });
    metrics.add(Kind::gauge, "signet_token_up", "", "1 when the token answered the last check.",
                [&health] { return health.token_status() ? 1.0 : 0.0; });
    token(Kind::gauge, "signet_token_queue", "Requests that wait for a signing thread.",
          &TokenStatus::queue_depth);
    token(Kind::gauge, "signet_token_sessions", "Open PKCS#11 sessions.", &TokenStatus::sessions_open);
    token(Kind::gauge, "signet_token_keys", "Keys in the token.", &TokenStatus::keys);
    token(Kind::gauge, "signet_token_live_wrapped_keys",
          "Wrapped keys that are kept unwrapped for their next use.", &TokenStatus::live_wrapped_keys);
    token(Kind::gauge, "signet_token_worker_resident_bytes", "Memory of the process that loads the module.",
          &TokenStatus::resident_bytes);
    token(Kind::counter, "signet_token_workers_started_total",
          "Workers started since the supervisor's start.", &TokenStatus::workers_started);
    metrics.add(Kind::gauge, "signet_keys_unavailable", "",
                "Key versions that the database knows and the token lacks.", [&keys = from.keys] {
                    double missing = 0;
                    const auto registry = keys.registry();
                    for (const auto& key : registry->keys())
                        missing += static_cast<double>(
                            std::ranges::count(key->versions, false, &service::KeyVersion::available));
                    return missing;
                });
}

void add_server(Metrics& metrics, const ReadingSources& from) {
    const auto server = [&metrics, load = from.load](Kind kind, const char* name, const char* labels,
                                                     const char* help, auto member) {
        metrics.add(kind, name, labels, help, [load, member] { return static_cast<double>(load().*member); });
    };
    using Load = http::ServerLoad;
    server(Kind::gauge, "signet_connections", "", "Open connections, TLS included.", &Load::connections);
    server(Kind::gauge, "signet_tls_connections", "", "Open TLS connections.", &Load::tls_connections);
    server(Kind::gauge, "signet_requests_running", "", "Requests in handlers.", &Load::running);
    server(Kind::gauge, "signet_requests_waiting", "", "Requests that wait for a worker.", &Load::waiting);
    server(Kind::counter, "signet_connections_refused_total", "", "Connections over a bound.",
           &Load::refused_connections);
    server(Kind::counter, "signet_tls_handshakes_failed_total", "", "TLS handshakes that failed.",
           &Load::failed_handshakes);
}

void add_audit(Metrics& metrics, const ReadingSources& from) {
    auto& writer = from.writer;
    const auto statistic = [&metrics, &writer](Kind kind, const char* name, const char* help, auto member) {
        metrics.add(kind, name, "", help,
                    [&writer, member] { return static_cast<double>(writer.statistics().*member); });
    };
    using Statistics = sqlite::WriterStatistics;
    metrics.add(Kind::counter, "signet_audit_records_total", "",
                "Sequence number of the last durable audit record.",
                [&writer] { return static_cast<double>(writer.head().sequence); });
    metrics.add(Kind::gauge, "signet_audit_unsigned_records", "", "Records after the last signed checkpoint.",
                [&writer, &audit = from.audit] {
                    const auto checkpoint = audit.last_checkpoint();
                    if (!checkpoint) return kUnknown;
                    const auto head = writer.head().sequence;
                    const auto covered = *checkpoint ? (*checkpoint)->head.sequence : 0;
                    return head > covered ? static_cast<double>(head - covered) : 0.0;
                });
    metrics.add(Kind::gauge, "signet_audit_trouble", "",
                "1 when the chain cannot be trusted or is not signed any more.",
                [&audit = from.audit] { return audit.trouble().empty() ? 0.0 : 1.0; });
    statistic(Kind::gauge, "signet_writer_queue", "Pieces of work that wait for the database.",
              &Statistics::depth);
    statistic(Kind::gauge, "signet_writer_healthy", "1 when the last batch became durable.",
              &Statistics::healthy);
    statistic(Kind::counter, "signet_writer_commits_total", "Transactions committed.", &Statistics::commits);
    statistic(Kind::counter, "signet_writer_work_total", "Pieces of work in committed transactions.",
              &Statistics::batch_size_total);
    statistic(Kind::counter, "signet_writer_failed_total", "Pieces of work that failed.",
              &Statistics::failed);
    statistic(Kind::counter, "signet_writer_refused_total", "Pieces of work that found the queue full.",
              &Statistics::refused);
    metrics.add(Kind::counter, "signet_writer_commit_seconds_total", "", "Time inside COMMIT.",
                [&writer] { return static_cast<double>(writer.statistics().commit_us_total) / 1e6; });
}

// Seconds until the nearest end of a certificate of an authority, responders included.
double authority_end(const service::Authorities& authorities, SystemTime now) {
    std::optional<SystemTime> nearest;
    const auto all = authorities.authorities();
    const auto look = [&](SystemTime end) { nearest = nearest ? std::min(*nearest, end) : end; };
    for (const auto& [label, authority] : *all) {
        for (const auto& version : authority.versions) {
            look(version.certificate.not_after());
            if (version.responder) look(version.responder->not_after());
        }
    }
    return nearest ? seconds(*nearest - now) : kUnknown;
}

// The same for the certificates that the token holds beside its active keys: TLS servers, document signers.
double key_end(const service::Keys& keys, SystemTime now) {
    std::optional<SystemTime> nearest;
    const auto registry = keys.registry();
    for (const auto& key : registry->keys()) {
        const auto* active = key->active();
        const auto der = active == nullptr ? std::nullopt : keys.certificate(active->id);
        if (!der) continue;
        const auto certificate = pki::Certificate::parse(as_text(*der));
        if (certificate)
            nearest = nearest ? std::min(*nearest, certificate->not_after()) : certificate->not_after();
    }
    return nearest ? seconds(*nearest - now) : kUnknown;
}

// Seconds until the nearest end of use of an active key.
double use_end(const service::Keys& keys, SystemTime now) {
    std::optional<SystemTime> nearest;
    const auto registry = keys.registry();
    for (const auto& key : registry->keys()) {
        const auto* active = key->active();
        if (active != nullptr && active->not_after)
            nearest = nearest ? std::min(*nearest, *active->not_after) : *active->not_after;
    }
    return nearest ? seconds(*nearest - now) : kUnknown;
}

double key_uses(const service::Keys& keys) {
    std::uint64_t uses = 0;
    const auto registry = keys.registry();
    for (const auto& key : registry->keys())
        for (const auto& version : key->versions)
            uses += version.uses + version.new_uses->load(std::memory_order_relaxed);
    return static_cast<double>(uses);
}

void add_keys(Metrics& metrics, const ReadingSources& from) {
    metrics.add(Kind::gauge, "signet_key_expiry_seconds", "",
                "Time until the nearest end of use of an active key.",
                [&keys = from.keys, &clock = from.clock] { return use_end(keys, clock.now()); });
    metrics.add(Kind::counter, "signet_key_uses_total", "", "Uses of token keys since they were made.",
                [&keys = from.keys] { return key_uses(keys); });
    metrics.add(Kind::gauge, "signet_key_alarms", "",
                "Keys that the token lacks, that nobody here made, or that are near their end.",
                [&health = from.health] { return static_cast<double>(health.key_alarms().size()); });
}

void add_certificates(Metrics& metrics, const ReadingSources& from) {
    constexpr auto* kName = "signet_certificate_expiry_seconds";
    constexpr auto* kHelp = "Time until the nearest end of a certificate.";
    metrics.add(Kind::gauge, kName, "kind=\"authority\"", kHelp,
                [&authorities = from.authorities, &clock = from.clock] {
                    return authority_end(authorities, clock.now());
                });
    metrics.add(Kind::gauge, kName, "kind=\"key\"", kHelp,
                [&keys = from.keys, &clock = from.clock] { return key_end(keys, clock.now()); });
    metrics.add(Kind::gauge, "signet_crl_expiry_seconds", "", "Time until the nearest nextUpdate of a CRL.",
                [&authorities = from.authorities] {
                    const auto end = authorities.next_crl_end();
                    return end ? seconds(*end) : kUnknown;
                });
}

void add_outbox(Metrics& metrics, const ReadingSources& from) {
    const auto count = [&metrics, &readers = from.readers](const char* labels, auto member) {
        metrics.add(Kind::gauge, "signet_outbox_messages", labels, "Messages to other systems.",
                    [&readers, member] {
                        auto db = readers.lease(std::chrono::milliseconds(500));
                        if (!db) return kUnknown;
                        const auto counts = sqlite::outbox_store::counts(**db);
                        return counts ? static_cast<double>((*counts).*member) : kUnknown;
                    });
    };
    count("state=\"waiting\"", &sqlite::outbox_store::Counts::waiting);
    count("state=\"dead\"", &sqlite::outbox_store::Counts::dead);
    metrics.add(
        Kind::gauge, "signet_outbox_age_seconds", "", "Age of the oldest message that waits; 0 without one.",
        [&readers = from.readers, &clock = from.clock] {
            auto db = readers.lease(std::chrono::milliseconds(500));
            if (!db) return kUnknown;
            const auto oldest = sqlite::outbox_store::list(**db, sqlite::OutboxState::waiting, 0, 1);
            if (!oldest) return kUnknown;
            return oldest->empty() ? 0.0 : std::max(0.0, seconds(clock.now() - oldest->front().created));
        });
}

void add_process(Metrics& metrics, const ReadingSources& from) {
    metrics.add(Kind::gauge, "signet_build_info", "version=\"" SIGNET_VERSION "\"", "Always 1.",
                [] { return 1.0; });
    metrics.add(Kind::gauge, "signet_start_time_seconds", "", "When the daemon started, in Unix time.",
                [start = seconds(from.clock.now().time_since_epoch())] { return start; });
    metrics.add(Kind::gauge, "signet_disk_free_bytes", "", "Free space where the database is.",
                [directory = from.database.parent_path()] {
                    std::error_code error;
                    const auto space = std::filesystem::space(directory, error);
                    return error ? kUnknown : static_cast<double>(space.available);
                });
}

}  // namespace

void add_readings(Metrics& metrics, const ReadingSources& sources) {
    add_process(metrics, sources);
    add_token(metrics, sources);
    add_server(metrics, sources);
    add_audit(metrics, sources);
    add_keys(metrics, sources);
    add_certificates(metrics, sources);
    add_outbox(metrics, sources);
}

}  // namespace signet::api
