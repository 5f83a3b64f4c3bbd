#include "daemon/http/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <deque>
#include <set>
#include <utility>

#include "base/log.h"
#include "daemon/http/handshakes.h"
#include "daemon/http/loop.h"
#include "daemon/http/peer.h"
#include "daemon/http/sockets.h"

namespace signet::http {
namespace {

constexpr int kAcceptsAtOnce = 64;
constexpr std::size_t kTurnedAwayAtOnce = 64;
constexpr std::chrono::milliseconds kAcceptPause{200};

void ignore_sigpipe() {
    struct sigaction action{};
    action.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &action, nullptr);
}

// A tenth of the shortest time that is watched, so that none is off by much.
milliseconds tick_period(const Limits& limits) {
    const auto shortest = std::min(
        {limits.header_time, limits.body_time, limits.idle_time, limits.write_time, limits.handshake_time});
    return std::clamp(shortest / 10, milliseconds{10}, milliseconds{500});
}

void tune_tcp(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

}  // namespace

class Server::Impl {
  public:
    Impl(Application& application, const Limits& limits);
    ~Impl();

    Status open(std::vector<Listener> listeners);
    void run();
    Status replace_tls(std::string_view listener, std::shared_ptr<const TlsContext> context);
    bool drain();
    ServerLoad load() const;
    std::chrono::steady_clock::time_point heartbeat();
    std::optional<std::uint16_t> port(std::string_view listener) const;

  private:
    struct Acceptor {
        Acceptor(asio::io_context& context, Listener its_listener, ListeningSocket its_socket,
                 Quota& its_quota)
            : listener(std::move(its_listener)),
              speaks_tls(listener.tls != nullptr),
              socket(std::move(its_socket)),
              descriptor(context.get_executor(), socket.fd.release()),
              pause(context.get_executor()),
              quota(its_quota) {}
        Listener listener;
        const bool speaks_tls;
        ListeningSocket socket;
        Descriptor descriptor;
        Timer pause;
        Quota& quota;
    };

    struct Pulse {
        std::atomic<std::chrono::steady_clock::time_point> last{std::chrono::steady_clock::now()};
        std::atomic<bool> asked{false};
    };
    static std::chrono::steady_clock::time_point probe(asio::io_context& context, Pulse& pulse);

    void wait(Acceptor& acceptor);
    void accept(Acceptor& acceptor);
    void take(Acceptor& acceptor, UniqueFd fd);
    void take_tls(Acceptor& acceptor, UniqueFd fd);
    void close_acceptors();

    const Limits limits_;
    RequestIds ids_;
    std::atomic<bool> draining_{false};
    Counters counters_;
    std::deque<Quota> quotas_;  // of listeners; connections refer to them until the loops are gone
    WorkerPool workers_;
    ConnectionEnvironment environment_;
    Pulse plain_pulse_;
    Pulse tls_pulse_;
    Loop plain_;
    Loop tls_;
    Handshakes handshakes_;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;  // each is touched by the thread that accepts for it
    mutable std::mutex tls_mutex_;                      // guards Acceptor::listener.tls
    bool uses_tls_ = false;
};

Server::Impl::Impl(Application& application, const Limits& limits)
    : limits_(limits),
      workers_(limits.workers, limits.queue),
      environment_{application, limits_, workers_, ids_, draining_},
      plain_(environment_, tick_period(limits)),
      tls_(environment_, tick_period(limits)),
      handshakes_(limits_, counters_, tls_, tick_period(limits)) {
    counters_.plain.limit = limits.connections;
    counters_.tls.limit = limits.tls_connections;
    counters_.turned_away.limit = kTurnedAwayAtOnce;
}

Server::Impl::~Impl() {
    draining_ = true;
    close_acceptors();
    workers_.stop();  // before the loops: handlers that still run leave their answers there
    environment_.outstanding.wait_for_none();  // each answers by its deadline
    handshakes_.stop();
    tls_.stop();
    plain_.stop();
    for (const auto& acceptor : acceptors_)
        acceptor->socket.remove_file();
}

Status Server::Impl::open(std::vector<Listener> listeners) {
    std::set<std::string> names;
    for (auto& listener : listeners) {
        if (!names.insert(listener.name).second)
            return fail(ErrorCode::invalid_argument, "two listeners are named '" + listener.name + "'");
        auto socket = std::visit(
            [](const auto& address) -> Result<ListeningSocket> {
                using Address = std::remove_cvref_t<decltype(address)>;
                if constexpr (std::is_same_v<Address, UnixSocket>)
                    return open_unix_socket(address);
                else if constexpr (std::is_same_v<Address, TcpSocket>)
                    return open_tcp_socket(address);
                else
                    return take_activated_socket(address);
            },
            listener.address);
        if (!socket) {
            auto error = std::move(socket).error();
            error.message = "listener '" + listener.name + "': " + error.message;
            return std::unexpected(std::move(error));
        }
        if (listener.tls && socket->is_unix) {
            socket->remove_file();
            return fail(ErrorCode::invalid_argument,
                        "listener '" + listener.name + "': a Unix socket does not speak TLS");
        }
        uses_tls_ = uses_tls_ || listener.tls != nullptr;
        auto& context = listener.tls ? handshakes_.context() : plain_.context();
        auto& quota = quotas_.emplace_back();
        quota.limit = listener.connections;
        acceptors_.push_back(
            std::make_unique<Acceptor>(context, std::move(listener), *std::move(socket), quota));
    }
    return {};
}

void Server::Impl::run() {
    for (const auto& acceptor : acceptors_)
        wait(*acceptor);
    plain_.start("signet-http");
    if (!uses_tls_) return;
    tls_.start("signet-tls");
    handshakes_.start("signet-handshk");
}

void Server::Impl::wait(Acceptor& acceptor) {
    acceptor.descriptor.async_wait(Descriptor::wait_read,
                                   [this, &acceptor](const boost::system::error_code& error) {
                                       if (!error) accept(acceptor);
                                   });
}

void Server::Impl::accept(Acceptor& acceptor) {
    for (int i = 0; i < kAcceptsAtOnce && acceptor.descriptor.is_open(); ++i) {
        UniqueFd fd(
            ::accept4(acceptor.descriptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd) {
            if (acceptor.speaks_tls)
                take_tls(acceptor, std::move(fd));
            else
                take(acceptor, std::move(fd));
            continue;
        }
        if (errno == EAGAIN) break;
        if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
            continue;  // that client is gone
        log::warning("http.accept.paused", "no connection can be accepted; raise the limit of open files",
                     {{"listener", acceptor.listener.name}, {"detail", std::strerror(errno)}});
        acceptor.pause.expires_after(kAcceptPause);
        acceptor.pause.async_wait([this, &acceptor](const boost::system::error_code& error) {
            if (!error) wait(acceptor);
        });
        return;
    }
    if (acceptor.descriptor.is_open()) wait(acceptor);
}

void Server::Impl::take(Acceptor& acceptor, UniqueFd fd) {
    std::shared_ptr<const Peer> peer;
    if (acceptor.socket.is_unix) {
        auto proven = unix_peer(fd.get(), acceptor.listener.name);
        if (!proven) {
            log::warning("http.peer.unknown", proven.error().message, {{"detail", proven.error().detail}});
            return;
        }
        peer = std::make_shared<const Peer>(*std::move(proven));
    } else {
        tune_tcp(fd.get());
        peer = std::make_shared<const Peer>(
            tcp_peer(fd.get(), acceptor.listener.name, Peer::Transport::plain_tcp));
    }
    if (acceptor.quota.take()) {
        if (counters_.plain.take()) {
            auto stream = make_socket_stream(fd.get());
            plain_.adopt(std::move(fd), std::move(stream), std::move(peer),
                         Place(counters_, counters_.plain, &acceptor.quota));
            return;
        }
        acceptor.quota.give_back();
    }
    counters_.refused.fetch_add(1, std::memory_order_relaxed);
    if (counters_.turned_away.take())
        plain_.turn_away(std::move(fd), std::move(peer), Place(counters_, counters_.turned_away, nullptr));
}

void Server::Impl::take_tls(Acceptor& acceptor, UniqueFd fd) {
    std::shared_ptr<const TlsContext> context;
    {
        const std::lock_guard lock(tls_mutex_);
        context = acceptor.listener.tls;
    }
    tune_tcp(fd.get());
    if (acceptor.quota.take()) {
        if (counters_.tls.take()) {
            handshakes_.begin(std::move(fd), *context, acceptor.listener.name,
                              Place(counters_, counters_.tls, &acceptor.quota));
            return;
        }
        acceptor.quota.give_back();
    }
    counters_.refused.fetch_add(1, std::memory_order_relaxed);
}

Status Server::Impl::replace_tls(std::string_view listener, std::shared_ptr<const TlsContext> context) {
    for (const auto& acceptor : acceptors_) {
        if (acceptor->listener.name != listener) continue;
        const std::lock_guard lock(tls_mutex_);
        if (!acceptor->speaks_tls || !context)
            return fail(ErrorCode::invalid_argument,
                        "listener '" + std::string(listener) + "' does not speak TLS");
        acceptor->listener.tls = std::move(context);
        return {};
    }
    return fail(ErrorCode::not_found, "there is no listener '" + std::string(listener) + "'");
}

void Server::Impl::close_acceptors() {
    for (const auto& acceptor : acceptors_) {
        auto& context = acceptor->speaks_tls ? handshakes_.context() : plain_.context();
        asio::post(context, [&acceptor = *acceptor] {
            boost::system::error_code ignored;
            acceptor.descriptor.close(ignored);
            acceptor.pause.cancel();
        });
    }
}

bool Server::Impl::drain() {
    draining_ = true;
    {
        std::unique_lock lock(counters_.mutex);
        counters_.all_gone.wait_for(lock, limits_.farewell_time, [&] { return counters_.open == 0; });
    }
    close_acceptors();
    // The files go first: a successor that starts now makes its own.
    for (const auto& acceptor : acceptors_)
        acceptor->socket.remove_file();
    handshakes_.drain();
    plain_.drain();
    tls_.drain();
    std::unique_lock lock(counters_.mutex);
    return counters_.all_gone.wait_for(lock, limits_.drain_time, [&] { return counters_.open == 0; });
}

ServerLoad Server::Impl::load() const {
    const auto work = workers_.load();
    ServerLoad load;
    load.tls_connections = counters_.tls.taken.load(std::memory_order_relaxed);
    load.connections = counters_.plain.taken.load(std::memory_order_relaxed) + load.tls_connections;
    load.tls_handshakes = counters_.handshakes.taken.load(std::memory_order_relaxed);
    load.running = work.running;
    load.waiting = work.waiting;
    load.refused_connections = counters_.refused.load(std::memory_order_relaxed);
    load.failed_handshakes = counters_.failed_handshakes.load(std::memory_order_relaxed);
    return load;
}

std::chrono::steady_clock::time_point Server::Impl::probe(asio::io_context& context, Pulse& pulse) {
    if (!pulse.asked.exchange(true))
        asio::post(context, [&pulse] {
            pulse.last = std::chrono::steady_clock::now();
            pulse.asked = false;
        });
    return pulse.last;
}

std::chrono::steady_clock::time_point Server::Impl::heartbeat() {
    const auto plain = probe(plain_.context(), plain_pulse_);
    return uses_tls_ ? std::min(plain, probe(tls_.context(), tls_pulse_)) : plain;
}

std::optional<std::uint16_t> Server::Impl::port(std::string_view listener) const {
    for (const auto& acceptor : acceptors_)
        if (acceptor->listener.name == listener && acceptor->socket.port != 0) return acceptor->socket.port;
    return std::nullopt;
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(std::vector<Listener> listeners, Application& application,
                                              const Limits& limits) {
    ignore_sigpipe();
    auto impl = std::make_unique<Impl>(application, limits);
    SIGNET_TRY(impl->open(std::move(listeners)));
    impl->run();
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Status Server::replace_tls(std::string_view listener, std::shared_ptr<const TlsContext> context) {
    return impl_->replace_tls(listener, std::move(context));
}

bool Server::drain() {
    return impl_->drain();
}

ServerLoad Server::load() const {
    return impl_->load();
}

std::chrono::steady_clock::time_point Server::heartbeat() {
    return impl_->heartbeat();
}

std::optional<std::uint16_t> Server::port(std::string_view listener) const {
    return impl_->port(listener);
}

}  // namespace signet::http
