// One connection's life: header, admission, body, handler, answer, and again. It knows no sockets and no event loop: its
// Stream moves bytes, its loop tells it what happened, and each event returns what it waits for next.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "daemon/http/application.h"
#include "daemon/http/body_reader.h"
#include "daemon/http/head_parser.h"
#include "daemon/http/request_ids.h"
#include "daemon/http/server.h"
#include "daemon/http/stream.h"
#include "daemon/http/worker_pool.h"

namespace signet::http {

class Connection;

// Where worker threads leave connections whose answer is ready; the loop calls `answered` on each.
class AnswerQueue {
  public:
    virtual ~AnswerQueue() = default;
    virtual void push(std::shared_ptr<Connection> connection) = 0;
};

// Counts the answers that are still to come through a Finish: the server waits for them before its parts go.
class Outstanding {
  public:
    void add() { count_.fetch_add(1, std::memory_order_relaxed); }
    void remove() {
        if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) count_.notify_all();
    }
    void wait_for_none() const {
        for (auto count = count_.load(std::memory_order_acquire); count != 0;
             count = count_.load(std::memory_order_acquire))
            count_.wait(count, std::memory_order_acquire);
    }

  private:
    std::atomic<std::size_t> count_{0};
};

// What all connections of a server share; outlives them.
struct ConnectionEnvironment {
    Application& application;
    const Limits& limits;
    WorkerPool& workers;
    RequestIds& ids;
    const std::atomic<bool>& draining;
    Outstanding outstanding{};
};

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    // What must happen before the next event. With `answer` the loop watches nothing: a worker has the request.
    enum class Wait : std::uint8_t { readable, writable, answer, end };

    Connection(ConnectionEnvironment& environment, AnswerQueue& answers, std::unique_ptr<Stream> stream,
               std::shared_ptr<const Peer> peer, SteadyTime now);
    virtual ~Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // The stream can be read or written.
    Wait ready(SteadyTime now);
    // The worker has left an answer.
    Wait answered(SteadyTime now);
    // Time has passed: nullopt when nothing changes.
    std::optional<Wait> tick(SteadyTime now);
    // The server ends: nullopt when a request that runs, or that a new connection came for, is to be answered first.
    std::optional<Wait> drain(SteadyTime now);
    // Instead of serving: there are too many connections.
    Wait turn_away(SteadyTime now);

  private:
    enum class Phase : std::uint8_t { head, body, handler, write, linger };

    Wait run(SteadyTime now);
    // One step of a phase: nullopt when the next phase can go on at once.
    std::optional<Wait> read_head(SteadyTime now);
    std::optional<Wait> read_body(SteadyTime now);
    std::optional<Wait> write(SteadyTime now);
    Wait linger();

    enum class Fill : std::uint8_t { got, closed, failed, wants_read, wants_write };
    Fill fill(std::size_t capacity_limit);
    std::optional<Wait> fill_more(std::size_t capacity_limit);
    void begin_request(std::size_t head_size, SteadyTime now);
    void admit(SteadyTime now);
    void hand_over(SteadyTime now);
    void work();
    void begin();
    void finish(std::uint32_t ticket, Response response);
    void refuse(unsigned status, std::string_view why, SteadyTime now);  // and close afterwards
    void respond(Response response, SteadyTime now);
    void next_request(SteadyTime now);

    std::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }

    ConnectionEnvironment& environment_;
    AnswerQueue& answers_;
    std::unique_ptr<Stream> stream_;
    std::shared_ptr<const Peer> peer_;
    Phase phase_ = Phase::head;
    SteadyTime deadline_;
    std::uint64_t requests_ = 0;

    std::vector<char> buffer_;  // bytes read and not yet used are [begin_, end_)
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t searched_ = 0;  // of unread(), by find_head_end
    bool started_ = false;      // the first byte of a header is there
    bool drained_ = false;      // the last read took all there was: do not read before the next event
    std::size_t blank_ = 0;     // bytes of empty lines before the header
    std::string id_;

    ParsedHead parsed_;
    Request request_;
    Admitted admitted_;
    std::optional<Response> early_;  // the answer, while a small body is read that nobody wants
    std::optional<BodyReader> body_;

    // The number of the request whose Finish may still answer; 0 when none may: it has, or its time is over.
    std::atomic<std::uint32_t> awaited_{0};
    std::uint32_t last_ticket_ = 0;

    Response response_;
    std::string out_;  // status line, fields, and a small body
    std::string_view out_left_;
    std::string_view body_left_;
    bool continuing_ = false;  // what is written is "100 Continue"
    bool close_after_ = false;
    bool wants_body_ = true;  // the answer's; not for HEAD
    std::size_t lingered_ = 0;
};

}  // namespace signet::http
