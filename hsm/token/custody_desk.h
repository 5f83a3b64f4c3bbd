// The supervisor's second socket, for custodians alone: takes shares one by one, from different terminals, says how many are
// missing, and forgets them after a while. Never served by signetd, never reachable over the network.
#pragma once

#include <poll.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "hsm/custody/messages.h"
#include "hsm/custody/share_set.h"
#include "hsm/token/token_socket.h"

namespace signet::token {

// What the desk asks of the supervisor.
class CustodyHost {
  public:
    virtual ~CustodyHost() = default;
    virtual custody::DeskStatus desk_status() const = 0;  // locked, changing, last
    virtual bool pin_in_shares() const = 0;
    virtual std::vector<custody::ShareSet> pin_sets() const = 0;
    // The key that the shares of one of these sets gave.
    virtual Status open_pin(const custody::ShareSet& set, const Secret& key) = 0;
    // Begins a change to a new random PIN and SO PIN, sealed by this set's shares.
    virtual Status share_pin(const custody::ShareSet& set, const Secret& key) = 0;
    virtual Status change_pin() = 0;
    virtual void use_backup_key(const Secret& key) = 0;  // empty: forget it
    virtual std::optional<custody::ShareSet> backup_set() const = 0;
    virtual Status keep_backup_set(const custody::ShareSet& set) = 0;
};

class CustodyDesk {
  public:
    // `time`: shares, a dealing and the backup key are forgotten after it.
    CustodyDesk(CustodyHost& host, TokenSocket socket, std::chrono::milliseconds time);
    ~CustodyDesk();

    void add_to_poll(std::vector<pollfd>& polled) const;
    // `polled` is what add_to_poll appended, after the poll.
    void handle(std::span<const pollfd> polled, SteadyTime now);
    void close() { socket_.close(); }

    // One request; what a connection's message leads to.
    Result<custody::Answer> answer(const custody::Request& request, SteadyTime now);

  private:
    struct Connection;
    struct Collected {
        custody::ShareSet set;
        std::vector<custody::Share> shares;
    };
    struct Dealing {
        custody::Dealt dealt;
        Secret key;
        std::vector<bool> confirmed;
    };
    Status give(const custody::Request& request, SteadyTime now);
    Result<custody::ShareSet> set_for(const custody::Request& request) const;
    Status deal(const custody::Request& request);
    Result<custody::Share> take(std::uint32_t number) const;
    Status confirm(const custody::Request& request);
    Result<std::string> finish(SteadyTime now);
    void forget();
    custody::DeskStatus status() const;
    bool serve(Connection& connection, SteadyTime now);

    CustodyHost& host_;
    TokenSocket socket_;
    std::chrono::milliseconds time_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<Collected> collected_;
    std::optional<Dealing> dealing_;
    bool authorised_ = false;  // the custodians of the PIN in force are here
    bool backup_key_ = false;
    std::optional<SteadyTime> forget_at_;
};

}  // namespace signet::token
