// The HTTP/1.1 server: Unix sockets, plain TCP and TLS, one connection implementation for all three.
//
// Unix and plain sockets share one thread of I/O. TLS has threads of its own (one that accepts and makes handshakes,
// which sign synchronously, and one that serves established connections), and a quota of its own: a token that is slow
// or gone fails new handshakes and nothing else. Handlers run on a worker pool.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "daemon/http/application.h"
#include "daemon/http/tls_context.h"

namespace signet::http {

using std::chrono::milliseconds;

// A socket file that another process listens on is refused; one that nobody listens on is replaced. The file has
// `mode` and `group` before anybody can connect. Its directory must not be writable for others.
struct UnixSocket {
    std::filesystem::path path;  // 107 bytes at most (sockaddr_un)
    mode_t mode = 0660;
    std::string group;  // name or number; empty: left as it is
};

struct TcpSocket {
    std::string host;        // a numeric address: "127.0.0.1", "::1"
    std::uint16_t port = 0;  // 0: any free one; see Server::port
};

// A listening socket that systemd passed, Unix or TCP, by its FileDescriptorName= (sd_listen_fds_with_names(3)).
struct ActivatedSocket {
    std::string name;
};

struct Listener {
    std::string name;  // as in Peer::listener; unique
    std::variant<UnixSocket, TcpSocket, ActivatedSocket> address;
    std::shared_ptr<const TlsContext> tls;  // null: no TLS
    std::size_t connections = 0;            // cap of this listener; 0: only the total holds
};

struct Limits {
    std::size_t header_bytes = std::size_t{16} << 10;  // request line and fields; over it 431
    std::size_t header_fields = 100;                   // over it 431
    std::size_t target_bytes = std::size_t{8} << 10;   // over it 414
    milliseconds header_time{10'000};                  // from the first byte of a header to its end; then 408
    milliseconds body_time{20'000};                    // from the header to the end of the body; then 408
    milliseconds request_time{10'000};                 // Request::deadline after the last byte of the body
    milliseconds idle_time{75'000};                    // a keep-alive connection without a request is closed
    milliseconds write_time{20'000};                   // for an answer to be taken by the client
    milliseconds handshake_time{10'000};
    // When a drain begins, connections are still taken and kept for so long, and each answer says Connection: close: a client
    // that keeps its connection learns of the end from an answer, not from a write that breaks.
    milliseconds farewell_time{1'000};
    milliseconds drain_time{20'000};          // after that
    std::size_t requests_per_connection = 0;  // then the answer says Connection: close; 0: no bound
    std::size_t connections = 1024;           // Unix and plain TCP; over it a short 503 and the end
    std::size_t tls_connections = 512;        // over it new ones are closed before the handshake
    std::size_t tls_handshakes = 64;          // at the same time
    std::size_t workers = 64;
    std::size_t queue = 256;  // requests that wait for a worker; over it 503 with Retry-After
};

struct ServerLoad {
    std::size_t connections = 0;  // open, TLS included
    std::size_t tls_connections = 0;
    std::size_t tls_handshakes = 0;
    std::size_t running = 0;                // requests in handlers
    std::size_t waiting = 0;                // requests in the queue
    std::uint64_t refused_connections = 0;  // over a cap, since the start
    std::uint64_t failed_handshakes = 0;    // since the start
};

class Server {
  public:
    // Binds all sockets, then serves; returns with nothing left behind when one cannot be bound. `application` outlives
    // the server. SIGPIPE is ignored from here on. Errors name the listener and what to do.
    static Result<std::unique_ptr<Server>> start(std::vector<Listener> listeners, Application& application,
                                                 const Limits& limits);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();  // stops at once what drain has not ended; running handlers are waited for

    // New connections of that listener use `context`; open ones keep theirs. Errors: not_found, invalid_argument (not a
    // TLS listener).
    Status replace_tls(std::string_view listener, std::shared_ptr<const TlsContext> context);

    // Answers with `Connection: close` for farewell_time, or until no connection is open; then stops accepting, closes idle
    // connections, answers the requests that run or were sent; returns when all are gone or after drain_time. True when all are gone. Removes the socket files it made.
    bool drain();

    ServerLoad load() const;
    // When the slower event loop last answered a probe; each call sends the next one. A watchdog that asks every second
    // and sees it stand still for long knows that a loop hangs.
    std::chrono::steady_clock::time_point heartbeat();
    // The bound port of a TCP listener.
    std::optional<std::uint16_t> port(std::string_view listener) const;

  private:
    class Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace signet::http
