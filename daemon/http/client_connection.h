// The client's side of one connection: connect, read and write with deadlines, blocking the caller.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "daemon/http/client.h"
#include "daemon/http/openssl_handles.h"

namespace signet::http {

class ClientConnection {
  public:
    // Errors as Client::send.
    static Result<std::unique_ptr<ClientConnection>> open(const Endpoint& endpoint, SteadyTime deadline);

    // Errors: deadline_exceeded, cancelled.
    Status write_all(std::string_view first, std::string_view second, SteadyTime deadline);
    // At least one byte, or 0 at the end of the stream. Errors: deadline_exceeded, cancelled.
    Result<std::size_t> read_some(std::span<char> into, SteadyTime deadline);
    // Between two requests: the server has closed it, or sent what nobody asked for.
    bool is_stale() const;

  private:
    ClientConnection() = default;
    Status ask_proxy(const Endpoint& endpoint, const std::string& target_host, SteadyTime deadline);
    Status start_tls(const Endpoint& endpoint, SteadyTime deadline);
    Status write_tls(std::string_view data, SteadyTime deadline);
    Status tls_wait(int result, SteadyTime deadline);

    UniqueFd fd_;
    SslHandle ssl_;
};

}  // namespace signet::http
