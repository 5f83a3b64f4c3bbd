// The client's engine: the connection, the requests in flight, and the one thread that reads answers, watches
// deadlines and connects again.
#pragma once

#include <poll.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "hsm/client/connection.h"
#include "hsm/client/pending.h"
#include "hsm/client/token_client.h"

namespace signet::client {

class Channel {
  public:
    explicit Channel(TokenClient::Options options);
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    // Sends one whole request frame; its id and time are filled in. `waiter` is called once, perhaps before this
    // returns, else on the reader thread.
    void send(frames::Operation operation, std::span<std::uint8_t> frame, Deadline deadline, Waiter& waiter);

    TokenClient::Counters counters() const;

  private:
    // An answer on its way to its waiter, outside the lock.
    struct Done {
        Waiter* waiter;
        frames::FrameHeader header;
        ByteView message;              // in the connection's buffer
        Bytes parts;                   // what came before `message`
        std::optional<Error> error{};  // instead
    };

    void run();
    void wake();
    void flush(const std::shared_ptr<Connection>& connection);

    // Of the reader thread.
    void connect_if_wanted();
    void wait_for_events();
    void receive(const std::shared_ptr<Connection>& connection);
    bool take_frames(const std::shared_ptr<Connection>& connection, std::vector<Done>& done, Error& broken);
    bool take_handshake(const std::shared_ptr<Connection>& connection, const frames::Frame& frame,
                        std::vector<Done>& done, Error& broken);
    bool take_answer(const frames::Frame& frame, std::vector<Done>& done, Error& broken);
    void send_held(const std::shared_ptr<Connection>& connection, std::vector<Done>& done);
    void forget_held(PendingRequests::Request& request);
    void go_away(const std::shared_ptr<Connection>& connection);
    void lose(const std::shared_ptr<Connection>& connection, const Error& why);
    void fail_all(const void* connection, const Error& why, std::vector<Done>& done);
    void back_off(const Error& why);
    void expire();
    void flush_deferred();
    void close_drained();
    static void complete(std::vector<Done>& done);

    const TokenClient::Options options_;
    UniqueFd event_;

    mutable std::mutex mutex_;
    PendingRequests pending_;
    std::shared_ptr<Connection> current_;
    SteadyTime next_attempt_{};
    std::chrono::milliseconds back_off_;
    Error last_error_;
    bool stopping_ = false;
    std::size_t held_bytes_ = 0;  // of requests that wait for a connection
    // While answers keep coming, new requests need no write of their own: the reader thread sends them with the next
    // batch of answers or a moment later. `deferred_` counts those that wait for it.
    bool window_open_ = false;
    std::size_t deferred_ = 0;
    SteadyTime reader_wakes_at_{};
    SteadyTime earliest_deadline_ = SteadyTime::max();

    std::vector<std::shared_ptr<Connection>> draining_;  // guarded by mutex_ as well

    std::atomic<std::uint64_t> connections_{0}, reads_{0}, requests_{0}, closed_writes_{0};
    // Of the reader thread, kept for their memory.
    std::vector<Done> done_;
    std::vector<std::shared_ptr<Connection>> polled_connections_;
    std::vector<pollfd> polled_;

    std::thread reader_;
};

}  // namespace signet::client
