// The worker's engine: one I/O thread that reads requests from all connections, threads that execute them on the token,
// and replies that leave in few writes. Knows TokenInterface alone, no PKCS#11.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "hsm/frames/operation.h"
#include "hsm/frames/token_interface.h"
#include "hsm/token/key_weights.h"
#include "hsm/token/request_queue.h"
#include "hsm/token/worker_page.h"

namespace signet::token {

struct ServerOptions {
    unsigned threads = 2;                                // that sign; others for slow work come on top
    std::size_t queue_limit = 4096;                      // requests that wait, of all connections
    std::size_t queue_bytes = std::size_t{64} << 20;     // their messages
    std::chrono::milliseconds request_deadline{10'000};  // for one call; admin work gets 12 times as long
    std::chrono::milliseconds drain_time{30'000};        // for clients to follow GOAWAY
    std::chrono::milliseconds probe_interval{2'000};
    const WorkerPage* page = nullptr;                     // where threads say what they are busy with
    std::function<Status()> probe{};                      // asks the token for signs of life
    std::function<bool()> lost{};                         // whether only another process can reach it again
    std::function<void(const Error&)> on_lost{};          // on the I/O thread, before the clients are told
    std::function<void(TokenStatus&)> complete_status{};  // fills what the token does not know
};

class RequestServer {
  public:
    enum class End : std::uint8_t { drained, stopped, token_lost };

    RequestServer(TokenInterface& token, ServerOptions options);
    // Waits for calls that are being executed.
    ~RequestServer();
    RequestServer(const RequestServer&) = delete;
    RequestServer& operator=(const RequestServer&) = delete;

    // Before `run`: has the I/O thread call `readable` whenever `fd` can be read or was closed by its peer.
    void watch(int fd, std::function<void()> readable);
    // These three from any thread.
    void add_connection(UniqueFd socket);
    void drain();  // GOAWAY to all; `run` returns when they are gone or the drain time is over
    void stop();

    // The I/O thread is the caller's.
    End run();

  private:
    class Executor;
    static constexpr std::size_t kLanes = 4;

    RequestQueue& lane(frames::Lane lane) { return lanes_[static_cast<std::size_t>(lane)]; }
    std::chrono::milliseconds limit_of(frames::Lane lane) const;
    void wake();
    void arm(ServerConnection& connection, bool for_writing) const;

    // Of the I/O thread.
    void take_new_connections();
    void read(const std::shared_ptr<ServerConnection>& connection);
    Status take_frame(const std::shared_ptr<ServerConnection>& connection, const frames::Frame& frame,
                      SteadyTime now);
    Status greet(ServerConnection& connection, const frames::Frame& frame);
    void admit(const std::shared_ptr<ServerConnection>& connection, const frames::Frame& frame,
               SteadyTime now);
    frames::Lane lane_of(const frames::Frame& frame) const;
    void flush(ServerConnection& connection);
    void send_goaway(ServerConnection& connection);
    void close(const std::shared_ptr<ServerConnection>& connection);
    void probe_if_due(SteadyTime now);
    std::optional<End> ended(SteadyTime now);

    TokenInterface& token_;
    const ServerOptions options_;
    KeyWeights weights_;
    UniqueFd epoll_;
    UniqueFd event_;
    RequestQueue lanes_[kLanes];
    std::atomic<std::size_t> queued_{0};  // requests taken in and not answered
    std::atomic<std::size_t> queued_bytes_{0};
    std::atomic<bool> draining_{false};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> lost_{false};
    std::atomic<bool> probing_{false};

    std::mutex mutex_;
    std::vector<UniqueFd> new_connections_;
    std::optional<Error> lost_error_;

    std::map<int, std::shared_ptr<ServerConnection>> connections_;
    std::map<int, std::function<void()>> watched_;
    std::vector<Job> admitted_[kLanes];
    SteadyTime next_probe_{};
    std::optional<SteadyTime> end_by_;

    std::vector<std::thread> threads_;
};

}  // namespace signet::token
