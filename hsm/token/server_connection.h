// One client of the worker.
#pragma once

#include "base/unique_fd.h"
#include "hsm/frames/frame.h"
#include "hsm/frames/send_queue.h"

namespace signet::token {

class ServerConnection {
  public:
    explicit ServerConnection(UniqueFd socket) : fd(std::move(socket)), output(fd.get()) {}

    const UniqueFd fd;
    frames::SendQueue output;
    std::atomic<bool> closed{false};  // nobody waits for its answers any more
    // Of the I/O thread.
    frames::FrameBuffer input;
    bool greeted = false;
    bool told_to_go = false;
};

}  // namespace signet::token
