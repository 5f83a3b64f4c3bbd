// One connection to `signetd-token`, as the channel sees it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "hsm/frames/frame.h"
#include "hsm/frames/send_queue.h"

namespace signet::client {

struct Connection {
    explicit Connection(UniqueFd socket) : fd(std::move(socket)), output(fd.get()) {}

    // Connects without blocking and sends HELLO. token_unavailable when nobody listens, permission_denied when the
    // server's user is not `server_uid`.
    static Result<std::shared_ptr<Connection>> open(const std::filesystem::path& socket,
                                                    std::optional<uid_t> server_uid,
                                                    SteadyTime welcome_until);

    const UniqueFd fd;
    frames::SendQueue output;
    frames::FrameBuffer input;   // the reader thread's
    SteadyTime welcome_until{};  // while `ready` is false
    // Guarded by the channel's mutex.
    std::size_t in_flight = 0;
    bool ready = false;     // WELCOME came
    bool draining = false;  // GOAWAY came: no new requests
    bool blocked = false;   // the socket took no more; the reader thread waits until it does
};

}  // namespace signet::client
