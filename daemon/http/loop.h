// Event loops: a thread that waits for sockets, and the one that keeps connections. Internal: this header includes Asio.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/unique_fd.h"
#include "daemon/http/connection.h"
#include "daemon/http/counters.h"

namespace signet::http {

namespace asio = boost::asio;

using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                               asio::io_context::executor_type>;

// An io_context and its one thread.
class EventThread {
  public:
    EventThread() : context_(1), work_(context_.get_executor()) {}
    EventThread(const EventThread&) = delete;
    EventThread& operator=(const EventThread&) = delete;
    ~EventThread() { stop(); }

    void start(const char* name);  // 15 characters at most
    void stop();                   // returns when the thread has ended
    asio::io_context& context() { return context_; }

  private:
    asio::io_context context_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::thread thread_;
};

// Calls back about every `period` while something is registered with it; deadlines are coarse on purpose, so that a
// request arms no timer.
class Ticker {
  public:
    Ticker(asio::io_context& context, std::chrono::milliseconds period, std::function<bool()> tick);
    void wake();  // on the loop's thread; `tick` returns false to sleep until the next wake

  private:
    void arm();
    Timer timer_;
    const std::chrono::milliseconds period_;
    std::function<bool()> tick_;
    bool armed_ = false;
};

// Keeps connections on one thread.
class Loop final : public AnswerQueue {
  public:
    Loop(ConnectionEnvironment& environment, std::chrono::milliseconds tick);
    ~Loop() override;

    void start(const char* name) { thread_.start(name); }
    void stop() { thread_.stop(); }
    asio::io_context& context() { return thread_.context(); }

    // From any thread. The stream is made on the descriptor.
    void adopt(UniqueFd fd, std::unique_ptr<Stream> stream, std::shared_ptr<const Peer> peer, Place place);
    // Answers 503 and ends.
    void turn_away(UniqueFd fd, std::shared_ptr<const Peer> peer, Place place);
    void drain();
    void push(std::shared_ptr<Connection> connection) override;

  private:
    class Session;
    void add(const std::shared_ptr<Session>& session, bool serve);
    void arm(const std::shared_ptr<Session>& session, Connection::Wait wait);
    void take_answers();
    bool tick();
    // Each waits for something else from now on.
    void change(const std::vector<std::pair<std::shared_ptr<Session>, Connection::Wait>>& changed);

    ConnectionEnvironment& environment_;
    EventThread thread_;
    Ticker ticker_;
    std::unordered_set<std::shared_ptr<Session>> sessions_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<Connection>> answered_;
    std::vector<std::shared_ptr<Connection>> taking_;  // swapped with answered_, to keep both allocations
};

}  // namespace signet::http
