// A non-blocking byte stream: a socket, TLS over one, or memory in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "daemon/http/openssl_handles.h"

namespace signet::http {

struct IoResult {
    enum class State : std::uint8_t {
        done,         // `bytes` were moved, at least one
        wants_read,   // nothing yet: try again once the socket can be read
        wants_write,  // … once it can be written
        closed,       // the peer ended its side (reads only)
        failed,
    };
    State state = State::failed;
    std::size_t bytes = 0;
};

class Stream {
  public:
    virtual ~Stream() = default;
    virtual IoResult read(std::span<char> into) = 0;
    // Writes the first bytes of `first`, then of `second`; may write less than all.
    virtual IoResult write(std::string_view first, std::string_view second) = 0;
    // Whether bytes wait inside the stream that no readiness of the socket will announce.
    virtual bool has_buffered() const { return false; }
    // Tells the peer that nothing more comes; it may still send.
    virtual void end_writing() = 0;
};

// The descriptor stays the caller's and must outlive the stream.
std::unique_ptr<Stream> make_socket_stream(int fd);
// After the handshake; the SSL object has the descriptor already.
std::unique_ptr<Stream> make_tls_stream(SslHandle ssl, int fd);

}  // namespace signet::http
