// Listening sockets: made with their permissions before anybody can connect, or taken over from systemd.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/unique_fd.h"
#include "daemon/http/server.h"

namespace signet::http {

struct ListeningSocket {
    UniqueFd fd;  // non-blocking, listening
    bool is_unix = false;
    std::uint16_t port = 0;  // TCP
    // The socket file made here, and its identity: it is removed at the end only if it is still that one.
    std::filesystem::path path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;

    void remove_file() const;
};

// Errors: already_exists (another process listens there), failed_precondition (directory or name cannot be used),
// permission_denied, not_found (group, or no such socket from systemd), invalid_argument.
Result<ListeningSocket> open_unix_socket(const UnixSocket& address);
Result<ListeningSocket> open_tcp_socket(const TcpSocket& address);
Result<ListeningSocket> take_activated_socket(const ActivatedSocket& address);

}  // namespace signet::http
