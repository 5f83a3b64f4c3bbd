#include "daemon/http/client_connection.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace signet::http {
namespace {

Status wait_for(int fd, short events, SteadyTime deadline) {
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        if (left <= 0) return fail(ErrorCode::deadline_exceeded, "the server did not answer in time");
        pollfd entry{fd, events, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR)
            return fail(ErrorCode::internal, "waiting for the server failed", std::strerror(errno));
    }
}

Status finish_connect(int fd, const sockaddr* address, socklen_t size, const std::string& where,
                      SteadyTime deadline) {
    int error = ::connect(fd, address, size) == 0 ? 0 : errno;
    if (error == EINPROGRESS || error == EINTR) {
        SIGNET_TRY(wait_for(fd, POLLOUT, deadline));
        socklen_t error_size = sizeof error;
        ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
    }
    switch (error) {
        case 0:
            return {};
        case ENOENT:
            return fail(ErrorCode::not_found, "there is no socket " + where + "; is the daemon running?");
        case EACCES:
        case EPERM:
            return fail(ErrorCode::permission_denied, where + " may not be connected to by this user");
        case ECONNREFUSED:
        case EAGAIN:
            return fail(ErrorCode::overloaded,
                        "nobody accepts connections on " + where + "; is the daemon running?",
                        std::strerror(error));
        default:
            return fail(ErrorCode::cancelled, where + " cannot be reached", std::strerror(error));
    }
}

Result<UniqueFd> connect_unix(const std::filesystem::path& path, SteadyTime deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path)
        return fail(ErrorCode::invalid_argument, "the socket path is too long: " + path.string());
    path.native().copy(address.sun_path, path.native().size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return fail(ErrorCode::internal, "no socket can be made", std::strerror(errno));
    SIGNET_TRY(finish_connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address,
                              path.string(), deadline));
    return fd;
}

// Empty when it cannot be said.
std::string numeric_of(const addrinfo& address) {
    std::array<char, 64> text{};
    if (::getnameinfo(address.ai_addr, address.ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0)
        return {};
    return text.data();
}

bool may_connect(const Endpoint& endpoint, const addrinfo& address) {
    if (!endpoint.public_only) return true;
    const auto numeric = numeric_of(address);
    return is_public_address(numeric) ||
           std::ranges::any_of(endpoint.permitted,
                               [&](const AddressPrefix& prefix) { return prefix.contains(numeric); });
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

Result<Addresses> resolve(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
        error != 0)
        return fail(ErrorCode::cancelled, "the host '" + host + "' has no address", ::gai_strerror(error));
    return Addresses(found, ::freeaddrinfo);
}

Error only_private(const std::string& host) {
    return {ErrorCode::failed_precondition,
            "the host '" + host +
                "' has only addresses that are not public; permit them in signetd.yaml, "
                "outbound.NAME.private_addresses",
            {}};
}

// For a proxy that would resolve the name itself, and perhaps to another address than we looked at.
Result<std::string> permitted_address(const Endpoint& endpoint) {
    SIGNET_ASSIGN(const auto addresses, resolve(endpoint.host, endpoint.port));
    for (const auto* address = addresses.get(); address != nullptr; address = address->ai_next)
        if (may_connect(endpoint, *address)) return numeric_of(*address);
    return std::unexpected(only_private(endpoint.host));
}

// `endpoint` says which addresses of the host may be connected to.
Result<UniqueFd> connect_tcp(const Endpoint& endpoint, const std::string& host, std::uint16_t port,
                             SteadyTime deadline) {
    const auto where = host + " port " + std::to_string(port);
    SIGNET_ASSIGN(const auto addresses, resolve(host, port));
    auto last = only_private(host);
    for (const auto* address = addresses.get(); address != nullptr; address = address->ai_next) {
        if (!may_connect(endpoint, *address)) continue;
        UniqueFd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!fd) return fail(ErrorCode::internal, "no socket can be made", std::strerror(errno));
        auto connected = finish_connect(fd.get(), address->ai_addr, address->ai_addrlen, where, deadline);
        if (connected) {
            const int on = 1;
            ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return fd;
        }
        last = std::move(connected).error();
        if (last.code == ErrorCode::deadline_exceeded) break;
    }
    return std::unexpected(std::move(last));
}

bool is_numeric(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

// SSL_write goes through write(2), which knows no MSG_NOSIGNAL.
void ignore_sigpipe() {
    struct sigaction now{};
    if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) {
        now.sa_handler = SIG_IGN;
        ::sigaction(SIGPIPE, &now, nullptr);
    }
}

Result<SslContextHandle> client_context(const Endpoint& endpoint) {
    ERR_clear_error();
    SslContextHandle context(SSL_CTX_new_ex(endpoint.library, nullptr, TLS_client_method()));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1)
        return fail(ErrorCode::internal, "TLS cannot be set up", openssl_errors());
    SSL_CTX_set_security_level(context.get(), 2);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_AUTO_RETRY);
    std::vector<X509Handle> anchors;
    if (!endpoint.trust_anchors_pem.empty()) {
        SIGNET_ASSIGN(anchors, read_certificates(endpoint.library, endpoint.trust_anchors_pem));
    }
    if (endpoint.system_trust && SSL_CTX_set_default_verify_paths(context.get()) != 1)
        return fail(ErrorCode::internal, "the machine's trust anchors cannot be used", openssl_errors());
    if (anchors.empty() && !endpoint.system_trust)
        return fail(ErrorCode::invalid_argument,
                    "no trust anchors are given for " + endpoint.host + "; name a CA certificate");
    for (const auto& anchor : anchors)
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), anchor.get()) != 1)
            return fail(ErrorCode::invalid_argument, "a trust anchor cannot be used", openssl_errors());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (endpoint.client_key != nullptr) {
        SIGNET_ASSIGN(const auto chain, read_certificates(endpoint.library, endpoint.client_certificate_pem));
        bool usable = !chain.empty() && SSL_CTX_use_certificate(context.get(), chain.front().get()) == 1;
        for (std::size_t i = 1; usable && i < chain.size(); ++i)
            usable = SSL_CTX_add1_chain_cert(context.get(), chain[i].get()) == 1;
        if (!usable || SSL_CTX_use_PrivateKey(context.get(), endpoint.client_key) != 1 ||
            SSL_CTX_check_private_key(context.get()) != 1)
            return fail(ErrorCode::invalid_argument, "the client certificate and key do not fit",
                        openssl_errors());
    }
    return context;
}

}  // namespace

Result<std::unique_ptr<ClientConnection>> ClientConnection::open(const Endpoint& endpoint,
                                                                 SteadyTime deadline) {
    std::unique_ptr<ClientConnection> connection(new ClientConnection);
    if (!endpoint.path.empty()) {
        SIGNET_ASSIGN(connection->fd_, connect_unix(endpoint.path, deadline));
    } else if (endpoint.proxy_host.empty()) {
        SIGNET_ASSIGN(connection->fd_, connect_tcp(endpoint, endpoint.host, endpoint.port, deadline));
    } else {
        if (!endpoint.use_tls)
            return fail(ErrorCode::invalid_argument,
                        "a proxy is for TLS only: it would read everything else");
        auto target = endpoint.host;
        if (endpoint.public_only) {
            SIGNET_ASSIGN(target, permitted_address(endpoint));
        }
        // The proxy itself was named by the operator.
        SIGNET_ASSIGN(connection->fd_, connect_tcp({}, endpoint.proxy_host, endpoint.proxy_port, deadline));
        SIGNET_TRY(connection->ask_proxy(endpoint, target, deadline));
    }
    if (endpoint.use_tls) SIGNET_TRY(connection->start_tls(endpoint, deadline));
    return connection;
}

// Nobody speaks after the answer's header but we: the tunnel begins with our TLS hello.
Status ClientConnection::ask_proxy(const Endpoint& endpoint, const std::string& target_host,
                                   SteadyTime deadline) {
    const auto where = endpoint.proxy_host + " port " + std::to_string(endpoint.proxy_port);
    const auto host = target_host.contains(':') ? "[" + target_host + "]" : target_host;
    const auto target = host + ":" + std::to_string(endpoint.port);
    SIGNET_TRY(write_all("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n", {}, deadline));
    constexpr std::size_t kLongestAnswer = 8192;
    std::string answer;
    std::array<char, 1024> buffer{};
    while (!answer.contains("\r\n\r\n")) {
        if (answer.size() > kLongestAnswer)
            return fail(ErrorCode::cancelled, "the proxy " + where + " answers with too long a header");
        SIGNET_ASSIGN(const auto got, read_some(buffer, deadline));
        if (got == 0) return fail(ErrorCode::cancelled, "the proxy " + where + " ended the connection");
        answer.append(buffer.data(), got);
    }
    // "HTTP/1.1 200 …"; any 2xx opens the tunnel.
    const bool http = answer.starts_with("HTTP/1.") && answer.size() > 12 && answer[8] == ' ';
    if (http && answer[9] == '2' && answer.ends_with("\r\n\r\n")) return {};
    return fail(ErrorCode::cancelled, "the proxy " + where + " does not connect to " + target +
                                          (http ? ": it answered " + answer.substr(9, 3)
                                                : std::string(": it does not speak HTTP")));
}

Status ClientConnection::start_tls(const Endpoint& endpoint, SteadyTime deadline) {
    ignore_sigpipe();
    SIGNET_ASSIGN(const auto context, client_context(endpoint));
    ssl_.reset(SSL_new(context.get()));
    if (!ssl_ || SSL_set_fd(ssl_.get(), fd_.get()) != 1)
        return fail(ErrorCode::internal, "TLS cannot be set up", openssl_errors());
    bool named = false;
    if (is_numeric(endpoint.host)) {
        named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), endpoint.host.c_str()) == 1;
    } else {
        SSL_set_hostflags(ssl_.get(),
                          X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        named = SSL_set1_host(ssl_.get(), endpoint.host.c_str()) == 1 &&
                SSL_set_tlsext_host_name(ssl_.get(), endpoint.host.c_str()) == 1;
    }
    if (!named) return fail(ErrorCode::invalid_argument, "'" + endpoint.host + "' is no host name");
    for (;;) {
        ERR_clear_error();
        const int result = SSL_connect(ssl_.get());
        if (result == 1) return {};
        const int error = SSL_get_error(ssl_.get(), result);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
            SIGNET_TRY(wait_for(fd_.get(), error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline));
            continue;
        }
        if (const auto verified = SSL_get_verify_result(ssl_.get()); verified != X509_V_OK)
            return fail(ErrorCode::permission_denied,
                        "the certificate of " + endpoint.host +
                            " is not trusted: " + X509_verify_cert_error_string(verified),
                        openssl_errors());
        return fail(ErrorCode::cancelled, "the TLS handshake with " + endpoint.host + " failed",
                    openssl_errors());
    }
}

// After a call on ssl_ that did not succeed: waits for what it needs.
Status ClientConnection::tls_wait(int result, SteadyTime deadline) {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return wait_for(fd_.get(), POLLIN, deadline);
        case SSL_ERROR_WANT_WRITE:
            return wait_for(fd_.get(), POLLOUT, deadline);
        default:
            return fail(ErrorCode::cancelled, "the server ended the connection", openssl_errors());
    }
}

Status ClientConnection::write_tls(std::string_view data, SteadyTime deadline) {
    while (!data.empty()) {
        ERR_clear_error();
        std::size_t sent = 0;
        const int result = SSL_write_ex(ssl_.get(), data.data(), data.size(), &sent);
        if (result == 1)
            data.remove_prefix(sent);
        else
            SIGNET_TRY(tls_wait(result, deadline));
    }
    return {};
}

Status ClientConnection::write_all(std::string_view first, std::string_view second, SteadyTime deadline) {
    if (ssl_) {
        SIGNET_TRY(write_tls(first, deadline));
        return write_tls(second, deadline);
    }
    while (!first.empty() || !second.empty()) {
        std::array<iovec, 2> parts = {iovec{const_cast<char*>(first.data()), first.size()},
                                      iovec{const_cast<char*>(second.data()), second.size()}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        const auto sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
        if (sent >= 0) {
            const auto bytes = static_cast<std::size_t>(sent);
            const auto head = std::min(bytes, first.size());
            first.remove_prefix(head);
            second.remove_prefix(bytes - head);
        } else if (errno == EAGAIN) {
            SIGNET_TRY(wait_for(fd_.get(), POLLOUT, deadline));
        } else if (errno != EINTR) {
            return fail(ErrorCode::cancelled, "the server ended the connection", std::strerror(errno));
        }
    }
    return {};
}

Result<std::size_t> ClientConnection::read_some(std::span<char> into, SteadyTime deadline) {
    for (;;) {
        if (ssl_) {
            ERR_clear_error();
            std::size_t got = 0;
            const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
            if (result == 1) return got;
            if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
            SIGNET_TRY(tls_wait(result, deadline));
            continue;
        }
        // Waiting first: the answer is never there yet, and the first recv would be in vain.
        SIGNET_TRY(wait_for(fd_.get(), POLLIN, deadline));
        const auto got = ::recv(fd_.get(), into.data(), into.size(), 0);
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR && errno != EAGAIN)
            return fail(ErrorCode::cancelled, "the server ended the connection", std::strerror(errno));
    }
}

bool ClientConnection::is_stale() const {
    pollfd entry{fd_.get(), POLLIN, 0};
    if (::poll(&entry, 1, 0) == 0) return ssl_ && SSL_has_pending(ssl_.get()) == 1;
    // TLS 1.3 servers may send session tickets at any time; those are read with the next answer.
    if (!ssl_ || (entry.revents & (POLLERR | POLLHUP)) != 0) return true;
    char byte = 0;
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &got);
    return result == 1 || SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ;
}

}  // namespace signet::http
