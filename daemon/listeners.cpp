#include "daemon/listeners.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/file.h"
#include "hsm/pki/certificate.h"

namespace signet::daemon {
namespace {

// The key of a TLS server, as its certificate shows it; which version that is, the registry knows if it has seen the key.
Result<KeyInfo> tls_key(const std::string& label, const pki::Certificate& certificate,
                        const service::Keys& keys) {
    KeyInfo info;
    info.id = {label, 1};
    info.usages = KeyUsage::tls;
    info.public_key = certificate.public_key().spki();
    const auto algorithm = key_algorithm_from(certificate.public_key().name());
    if (!algorithm)
        return fail(ErrorCode::unprocessable, "the certificate's key is " + certificate.public_key().name() +
                                                  ", which no token key is");
    info.algorithm = *algorithm;
    const auto key = keys.find(label);
    if (!key) return info;  // the token was never seen yet
    for (const auto& version : (*key)->versions) {
        if (version.public_key != info.public_key) continue;
        info.id = version.id;
        return info;
    }
    return fail(ErrorCode::unprocessable,
                "the certificate is not for any version of the key '" + label + "'");
}

// The SSL_CTX holds a reference of its own to the EVP_PKEY, so the TokenKey may go when the context is made.
Result<std::shared_ptr<const http::TlsContext>> make_context(const config::Tls& tls,
                                                             const provider::LibraryContext& library,
                                                             const service::Keys& keys) {
    SIGNET_ASSIGN(const auto chain, read_file(tls.certificate, std::size_t{1} << 20));
    SIGNET_ASSIGN(const auto certificates, pki::Certificate::parse_bundle(chain));
    std::string trusted;
    if (!tls.client_ca.empty()) {
        SIGNET_ASSIGN(trusted, read_file(tls.client_ca, std::size_t{4} << 20));
    }
    SIGNET_ASSIGN(const auto info, tls_key(tls.key, certificates.front(), keys));
    SIGNET_ASSIGN(const auto key, library.load(info, KeyUsage::tls));
    http::TlsSettings settings;
    settings.library = library.get();
    settings.key = key.get();
    settings.certificate_chain_pem = chain;
    settings.client_ca_pem = trusted;
    settings.client_certificate = tls.client_certificates == config::ClientCertificates::required
                                      ? http::ClientCertificateMode::required
                                  : tls.client_certificates == config::ClientCertificates::optional
                                      ? http::ClientCertificateMode::optional
                                      : http::ClientCertificateMode::none;
    settings.allow_tls12 = tls.allow_tls12;
    return http::TlsContext::create(settings);
}

std::set<std::string> activated_names() {
    std::set<std::string> out;
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(0, &names);
    for (int i = 0; i < count; ++i) {
        out.insert(names[i]);
        std::free(names[i]);  // NOLINT: allocated by the library (sd_listen_fds(3))
    }
    std::free(names);  // NOLINT
    return out;
}

}  // namespace

Result<TlsContexts> make_tls_contexts(const config::Config& config, const provider::LibraryContext& library,
                                      const service::Keys& keys) {
    TlsContexts out;
    for (const auto& listener : config.listeners) {
        if (!listener.tls) continue;
        auto context = make_context(*listener.tls, library, keys);
        if (!context) {
            context.error().message = "listener '" + listener.name + "', " +
                                      listener.tls->certificate.string() + ": " + context.error().message;
            return std::unexpected(std::move(context).error());
        }
        out.emplace(listener.name, *std::move(context));
    }
    return out;
}

std::vector<http::Listener> server_listeners(const config::Config& config, const TlsContexts& tls) {
    const auto activated = activated_names();
    std::vector<http::Listener> out;
    for (const auto& listener : config.listeners) {
        http::Listener made;
        made.name = listener.name;
        if (activated.contains(listener.name)) {
            made.address = http::ActivatedSocket{listener.name};
        } else if (!listener.unix_path.empty()) {
            made.address = http::UnixSocket{listener.unix_path, listener.mode, {}};
        } else {
            made.address = http::TcpSocket{listener.host, listener.port};
        }
        if (const auto found = tls.find(listener.name); found != tls.end()) made.tls = found->second;
        out.push_back(std::move(made));
    }
    return out;
}

std::vector<api::ListenerRules> listener_rules(const config::Config& config) {
    std::vector<api::ListenerRules> out;
    for (const auto& listener : config.listeners)
        out.push_back({listener.name, listener.admin ? api::Surface::admin : api::Surface::api,
                       listener.anonymous, listener.permits});
    return out;
}

http::Limits server_limits(const config::Config& config) {
    http::Limits limits;
    limits.header_bytes = config.limits.header;
    limits.request_time = config.limits.request_time;
    limits.idle_time = config.limits.idle_time;
    limits.drain_time = config.limits.drain_time;
    limits.connections = config.limits.connections;
    limits.tls_connections = std::max<std::size_t>(1, config.limits.connections / 2);
    limits.workers = config.limits.workers;
    limits.queue = config.limits.queue;
    return limits;
}

}  // namespace signet::daemon
