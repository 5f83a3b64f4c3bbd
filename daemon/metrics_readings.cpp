// What /v1/metrics tells beside the requests: token, storage, audit chain, queues, certificate authorities.
#include "daemon/signetd.h"

namespace signet::daemon {

void Signetd::add_metrics() {
    using Kind = api::Metrics::Kind;
    const auto add = [&](Kind kind, const char* name, const char* labels, const char* help, auto read) {
        metrics_.add(kind, name, labels, help, [read] { return static_cast<double>(read()); });
    };
    const auto token = [this](auto field) {
        return [this, field] {
            const auto status = health_->token_status();
            return status ? static_cast<double>(field(*status)) : 0.0;
        };
    };
    add(Kind::gauge, "signet_ready", "", "whether the appliance can sign",
        [this] { return health_->readiness().ready; });
    add(Kind::gauge, "signet_token_up", "", "whether the token answers",
        [this] { return health_->token_status().has_value(); });
    add(Kind::gauge, "signet_token_keys", "", "keys in the token",
        token([](const TokenStatus& s) { return s.keys; }));
    add(Kind::gauge, "signet_token_sessions", "", "open PKCS#11 sessions",
        token([](const TokenStatus& s) { return s.sessions_open; }));
    add(Kind::gauge, "signet_token_queue", "", "requests that wait in the token worker",
        token([](const TokenStatus& s) { return s.queue_depth; }));
    add(Kind::gauge, "signet_token_resident_bytes", "", "memory of the token worker",
        token([](const TokenStatus& s) { return s.resident_bytes; }));
    add(Kind::counter, "signet_token_workers_started_total", "", "workers since signetd-token started",
        token([](const TokenStatus& s) { return s.workers_started; }));
    add(Kind::counter, "signet_token_connections_total", "", "connections made to signetd-token",
        [this] { return token_->counters().connections; });

    add(Kind::gauge, "signet_writer_queue", "", "pieces of work that wait for the database writer",
        [this] { return writer_->statistics().depth; });
    add(Kind::counter, "signet_writer_refused_total", "", "pieces of work that found the queue full",
        [this] { return writer_->statistics().refused; });
    add(Kind::counter, "signet_commits_total", "", "transactions committed",
        [this] { return writer_->statistics().commits; });
    add(Kind::counter, "signet_commit_seconds_total", "", "time spent in commits",
        [this] { return static_cast<double>(writer_->statistics().commit_us_total) / 1e6; });
    add(Kind::counter, "signet_committed_pieces_total", "", "pieces of work in committed transactions",
        [this] { return writer_->statistics().batch_size_total; });
    add(Kind::gauge, "signet_storage_up", "", "whether the last transaction became durable",
        [this] { return writer_->statistics().healthy; });
    add(Kind::counter, "signet_audit_records_total", "", "sequence number of the last audit record",
        [this] { return writer_->head().sequence; });

    add(Kind::gauge, "signet_connections", "", "open connections",
        [this] { return server_ ? server_->load().connections : 0; });
    add(Kind::gauge, "signet_requests_running", "", "requests in handlers",
        [this] { return server_ ? server_->load().running : 0; });
    add(Kind::gauge, "signet_requests_waiting", "", "requests that wait for a worker",
        [this] { return server_ ? server_->load().waiting : 0; });
    add(Kind::counter, "signet_refused_connections_total", "", "connections over a cap",
        [this] { return server_ ? server_->load().refused_connections : 0; });
    add(Kind::counter, "signet_failed_handshakes_total", "", "TLS handshakes that failed",
        [this] { return server_ ? server_->load().failed_handshakes : 0; });

    add(Kind::gauge, "signet_crl_seconds_left", "", "until the nearest nextUpdate of a CRL", [this] {
        const auto left = authorities_->next_crl_end();
        return left ? left->count() : 0;
    });
    add(Kind::gauge, "signet_ca_alarms", "", "things about the certificate authorities to look at",
        [this] { return authorities_->alarms().size(); });
}

}  // namespace signet::daemon
