// Connections that the supervisor answers itself while no worker can: every request gets the reason at once, instead of
// a connection that is refused or a wait for nothing.
#pragma once

#include <sys/poll.h>

#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "hsm/token/server_connection.h"

namespace signet::token {

// Tells a peer who may not be here why, and closes.
void refuse_user(UniqueFd socket, uid_t user);

class Refusals {
  public:
    void add(UniqueFd socket);
    void set_reason(Error reason) { reason_ = std::move(reason); }
    const Error& reason() const { return reason_; }
    // Once a worker serves: clients connect again for their next request.
    void send_away(SteadyTime now);

    void add_to_poll(std::vector<pollfd>& polled) const;
    // `polled` is what add_to_poll appended, after the poll.
    void handle(std::span<const pollfd> polled, SteadyTime now);
    bool empty() const { return connections_.empty(); }

  private:
    bool serve(ServerConnection& connection) const;
    bool answer(ServerConnection& connection, const frames::Frame& frame) const;

    Error reason_;
    std::vector<std::unique_ptr<ServerConnection>> connections_;
    std::optional<SteadyTime> close_at_;
};

}  // namespace signet::token
