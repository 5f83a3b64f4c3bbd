// The worker's queues: one first-in, first-out lane for each kind of work, all within one bound.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "hsm/frames/frame.h"

namespace signet::token {

class ServerConnection;

struct Job {
    std::shared_ptr<ServerConnection> connection;  // nullptr: the server's own probe of the token
    frames::FrameHeader header;
    SteadyTime deadline;
    Bytes message;

    Job() = default;
    Job(Job&&) = default;
    // Swaps, so that a message is always freed by the destructor, which wipes the ones that hold secrets.
    Job& operator=(Job&& other) noexcept;
    ~Job();
};

class RequestQueue {
  public:
    // Takes the jobs and leaves `jobs` empty, with memory for the next ones.
    void push(std::vector<Job>& jobs);
    // Waits for a job; false when the queue is closed and empty. `behind` is how many stand behind it.
    bool pop(Job& job, std::size_t& behind);
    // As `pop`, but gives up at once.
    bool try_pop(Job& job, std::size_t& behind);
    void close();
    std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  private:
    bool take(Job& job, std::size_t& behind);

    std::mutex mutex_;
    std::condition_variable filled_;
    std::deque<Job> jobs_;
    std::atomic<std::size_t> size_{0};
    std::size_t idle_ = 0;
    bool closed_ = false;
};

}  // namespace signet::token
