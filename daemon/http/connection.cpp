#include "daemon/http/connection.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>
#include <variant>

#include "base/log.h"
#include "daemon/http/response_writer.h"

namespace signet::http {
namespace {

constexpr std::size_t kFirstBuffer = 4096;
constexpr std::size_t kBodyBuffer = std::size_t{16} << 10;
constexpr std::size_t kSmallAnswer = std::size_t{8} << 10;  // copied behind the header, for one write
constexpr std::size_t kKeptOutput = std::size_t{64} << 10;
constexpr std::size_t kInlineBody = std::size_t{8} << 10;  // begun on the I/O thread
// Past a request's own deadline: what it waits for answers by then, and an answer says more than silence.
constexpr std::chrono::seconds kGrace{3};
constexpr std::size_t kUnwantedBody = std::size_t{16} << 10;  // read and dropped to keep the connection
constexpr std::size_t kLingerBytes = std::size_t{256} << 10;
constexpr std::chrono::seconds kLingerTime{1};
// For the first request of a connection that came just before the server ended.
constexpr std::chrono::seconds kLastChance{1};
// Some clients send an empty line after a body (RFC 9112 section 2.2).
constexpr std::size_t kBlankBytes = 8;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Connection::Connection(ConnectionEnvironment& environment, AnswerQueue& answers,
                       std::unique_ptr<Stream> stream, std::shared_ptr<const Peer> peer, SteadyTime now)
    : environment_(environment),
      answers_(answers),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      deadline_(now + (environment.draining.load(std::memory_order_relaxed)
                           ? std::min<milliseconds>(kLastChance, environment.limits.idle_time)
                           : environment.limits.idle_time)) {}

Connection::Wait Connection::ready(SteadyTime now) {
    drained_ = false;
    return run(now);
}

Connection::Wait Connection::answered(SteadyTime now) {
    admitted_ = {};
    respond(std::move(response_), now);
    return run(now);
}

std::optional<Connection::Wait> Connection::tick(SteadyTime now) {
    if (phase_ == Phase::handler) {
        auto awaited = awaited_.load(std::memory_order_acquire);
        if (awaited == 0 || now < deadline_ || !awaited_.compare_exchange_strong(awaited, 0))
            return std::nullopt;
        admitted_ = {};
        refuse(503, "the request took too long", now);
        return run(now);
    }
    if (now < deadline_) return std::nullopt;
    const bool mid_request = (phase_ == Phase::head && started_) || phase_ == Phase::body;
    if (!mid_request) return Wait::end;
    refuse(408, "the request was not sent in time", now);
    return run(now);
}

std::optional<Connection::Wait> Connection::drain(SteadyTime now) {
    if (phase_ == Phase::head && !started_) {
        if (requests_ == 0) {  // it connected to ask something
            deadline_ = std::min<SteadyTime>(deadline_, now + kLastChance);
            return std::nullopt;
        }
        // Its next request may have come already.
        drained_ = false;
        const auto wait = run(now);
        return phase_ == Phase::head && !started_ ? Wait::end : wait;
    }
    close_after_ = true;
    return std::nullopt;
}

Connection::Wait Connection::turn_away(SteadyTime now) {
    refuse(503, "there are too many connections", now);
    return run(now);
}

Connection::Wait Connection::run(SteadyTime now) {
    for (;;) {
        std::optional<Wait> wait;
        switch (phase_) {
            case Phase::head:
                wait = read_head(now);
                break;
            case Phase::body:
                wait = read_body(now);
                break;
            case Phase::handler:
                return Wait::answer;
            case Phase::write:
                wait = write(now);
                break;
            case Phase::linger:
                return linger();
        }
        if (wait) return *wait;
    }
}

Connection::Fill Connection::fill(std::size_t capacity_limit) {
    if (drained_) return Fill::wants_read;
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == buffer_.size()) {
        if (begin_ > 0) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        } else {
            buffer_.resize(std::min(std::max(buffer_.size() * 2, kFirstBuffer), capacity_limit));
        }
    }
    const std::span<char> space(buffer_.data() + end_, buffer_.size() - end_);
    const auto result = stream_->read(space);
    switch (result.state) {
        case IoResult::State::done:
            end_ += result.bytes;
            drained_ = result.bytes < space.size() && !stream_->has_buffered();
            return Fill::got;
        case IoResult::State::wants_read:
            return Fill::wants_read;
        case IoResult::State::wants_write:
            return Fill::wants_write;
        case IoResult::State::closed:
            return Fill::closed;
        case IoResult::State::failed:
            break;
    }
    return Fill::failed;
}

std::optional<Connection::Wait> Connection::fill_more(std::size_t capacity_limit) {
    switch (fill(capacity_limit)) {
        case Fill::got:
            return std::nullopt;
        case Fill::wants_read:
            return Wait::readable;
        case Fill::wants_write:
            return Wait::writable;
        case Fill::closed:  // half-way through a request there is nobody left to tell
        case Fill::failed:
            break;
    }
    return Wait::end;
}

std::optional<Connection::Wait> Connection::read_head(SteadyTime now) {
    const auto& limits = environment_.limits;
    while (!started_ && begin_ < end_) {
        if (buffer_[begin_] != '\r' && buffer_[begin_] != '\n') {
            started_ = true;
            deadline_ = now + limits.header_time;
            break;
        }
        ++begin_;
        if (++blank_ > kBlankBytes) {
            refuse(400, "there are too many empty lines before the request", now);
            return std::nullopt;
        }
    }
    const auto end = find_head_end(unread(), searched_);
    if (!end) {
        refuse(end.error().status, end.error().why, now);
    } else if (*end > limits.header_bytes || (*end == 0 && unread().size() >= limits.header_bytes)) {
        refuse(431, "the header is too large", now);
    } else if (*end > 0) {
        begin_request(*end, now);
    } else {
        return fill_more(std::max(limits.header_bytes, kFirstBuffer));
    }
    return std::nullopt;
}

void Connection::begin_request(std::size_t head_size, SteadyTime now) {
    const auto& limits = environment_.limits;
    id_ = environment_.ids.next();
    auto parsed = parse_head(unread().substr(0, head_size), {limits.header_fields, limits.target_bytes});
    begin_ += head_size;
    searched_ = 0;
    if (!parsed) return refuse(parsed.error().status, parsed.error().why, now);
    parsed_ = *std::move(parsed);
    static_cast<RequestHead&>(request_) = std::move(parsed_.head);
    request_.peer = peer_;
    request_.id = id_;
    wants_body_ = request_.verb != Verb::head;
    ++requests_;
    if (!parsed_.keep_alive ||
        (limits.requests_per_connection > 0 && requests_ >= limits.requests_per_connection))
        close_after_ = true;
    admit(now);
}

void Connection::admit(SteadyTime now) {
    auto decision = environment_.application.admit(request_);
    if (auto* answer = std::get_if<Response>(&decision)) {
        if (!parsed_.has_body()) return respond(std::move(*answer), now);
        // A client that waits for 100 Continue may or may not send its body now: nobody knows where a next request starts.
        if (parsed_.chunked || parsed_.content_length > kUnwantedBody || parsed_.expects_continue) {
            close_after_ = true;
            return respond(std::move(*answer), now);
        }
        early_ = std::move(*answer);
        body_ = BodyReader::of_length(parsed_.content_length, kUnwantedBody);
    } else {
        admitted_ = std::get<Admitted>(std::move(decision));
        if (!parsed_.has_body()) return hand_over(now);
        if (parsed_.content_length > admitted_.body_limit) return refuse(413, "the body is too large", now);
        body_ = parsed_.chunked ? BodyReader::chunked(admitted_.body_limit)
                                : BodyReader::of_length(parsed_.content_length, admitted_.body_limit);
        request_.body.reserve(std::min<std::size_t>(parsed_.content_length, kKeptOutput));
    }
    deadline_ = now + environment_.limits.body_time;
    phase_ = Phase::body;
    if (parsed_.expects_continue && begin_ == end_) {
        out_left_ = kContinue;
        continuing_ = true;
        phase_ = Phase::write;
    }
}

std::optional<Connection::Wait> Connection::read_body(SteadyTime now) {
    auto input = unread();
    const auto state = body_->feed(input, request_.body);
    begin_ = end_ - input.size();
    switch (state) {
        case BodyReader::State::more:
            return fill_more(std::max(environment_.limits.header_bytes, kBodyBuffer));
        case BodyReader::State::malformed:
            refuse(400, "the chunked body is malformed", now);
            break;
        case BodyReader::State::too_large:
            refuse(413, "the body is too large", now);
            break;
        case BodyReader::State::done:
            if (early_)
                respond(*std::exchange(early_, std::nullopt), now);
            else
                hand_over(now);
            break;
    }
    return std::nullopt;
}

void Connection::hand_over(SteadyTime now) {
    request_.deadline = now + environment_.limits.request_time;
    phase_ = Phase::handler;
    if (admitted_.no_wait) deadline_ = request_.deadline + kGrace;
    if (admitted_.no_wait && request_.body.size() <= kInlineBody) return begin();
    if (environment_.workers.submit([self = shared_from_this()] { self->work(); })) return;
    admitted_ = {};
    respond(environment_.application.refuse(503, "too many requests wait already", id_), now);
}

// On a worker thread. Until the answer is in the queue, request_, admitted_ and response_ are this thread's.
void Connection::work() {
    auto& application = environment_.application;
    if (admitted_.no_wait && std::chrono::steady_clock::now() < request_.deadline) return begin();
    try {
        response_ = std::chrono::steady_clock::now() < request_.deadline
                        ? application.handle(std::move(request_), admitted_)
                        : application.refuse(503, "the request waited too long for its turn", id_);
    } catch (const std::exception& failure) {
        log::error("http.handler.failed", "a handler threw",
                   {{"request_id", id_}, {"detail", failure.what()}});
        response_ = application.refuse(500, "the server has a defect", id_);
    }
    answers_.push(shared_from_this());
}

// On the I/O thread or on a worker: hands request_ and admitted_ over, and touches nothing afterwards.
void Connection::begin() {
    // The connection goes before the count does: the server's parts, which it refers to, stay until then.
    struct Promise {
        struct Count {
            explicit Count(Outstanding& its_outstanding) : outstanding(&its_outstanding) {
                outstanding->add();
            }
            Count(Count&& other) noexcept : outstanding(std::exchange(other.outstanding, nullptr)) {}
            Count& operator=(Count&&) = delete;
            ~Count() {
                if (outstanding != nullptr) outstanding->remove();
            }
            Outstanding* outstanding;
        };
        Count count;
        std::shared_ptr<Connection> connection;
        std::uint32_t ticket;
        void operator()(Response response) { connection->finish(ticket, std::move(response)); }
    };
    if (++last_ticket_ == 0) ++last_ticket_;
    // Taken before anybody may answer: once `awaited_` is set, a late tick may end this request.
    auto request = std::move(request_);
    auto admitted = std::move(admitted_);
    awaited_.store(last_ticket_, std::memory_order_release);
    const auto id = id_;
    auto& application = environment_.application;
    Finish promise = Promise{Promise::Count(environment_.outstanding), shared_from_this(), last_ticket_};
    try {
        application.begin(std::move(request), std::move(admitted), std::move(promise));
    } catch (const std::exception& failure) {
        log::error("http.handler.failed", "a handler threw",
                   {{"request_id", id}, {"detail", failure.what()}});
        if (promise) promise(application.refuse(500, "the server has a defect", id));
    }
}

// On any thread.
void Connection::finish(std::uint32_t ticket, Response response) {
    if (!awaited_.compare_exchange_strong(ticket, 0)) return;  // too late: the client has been told
    response_ = std::move(response);
    answers_.push(shared_from_this());
}

void Connection::refuse(unsigned status, std::string_view why, SteadyTime now) {
    if (id_.empty()) id_ = environment_.ids.next();
    close_after_ = true;
    respond(environment_.application.refuse(status, why, id_), now);
}

void Connection::respond(Response response, SteadyTime now) {
    response_ = std::move(response);
    if (environment_.draining.load(std::memory_order_relaxed)) close_after_ = true;
    write_response_head(response_, {id_, close_after_, parsed_.http_1_0}, out_);
    body_left_ = {};
    if (wants_body_ && response_.status != 204 && response_.status != 304) {
        if (response_.body.size() <= kSmallAnswer)
            out_ += response_.body;
        else
            body_left_ = response_.body;
    }
    out_left_ = out_;
    continuing_ = false;
    deadline_ = now + environment_.limits.write_time;
    phase_ = Phase::write;
}

std::optional<Connection::Wait> Connection::write(SteadyTime now) {
    while (!out_left_.empty() || !body_left_.empty()) {
        const auto result = stream_->write(out_left_, continuing_ ? std::string_view{} : body_left_);
        switch (result.state) {
            case IoResult::State::done: {
                const auto head = std::min(result.bytes, out_left_.size());
                out_left_.remove_prefix(head);
                body_left_.remove_prefix(result.bytes - head);
                break;
            }
            case IoResult::State::wants_read:
                return Wait::readable;
            case IoResult::State::wants_write:
                return Wait::writable;
            case IoResult::State::closed:
            case IoResult::State::failed:
                return Wait::end;
        }
    }
    if (std::exchange(continuing_, false)) {
        phase_ = Phase::body;
        return std::nullopt;
    }
    if (close_after_) {
        // Closing while the peer still sends would make the kernel drop the answer that it has not read yet.
        stream_->end_writing();
        phase_ = Phase::linger;
        deadline_ = now + kLingerTime;
        return std::nullopt;
    }
    if (environment_.draining.load(std::memory_order_relaxed)) return Wait::end;
    next_request(now);
    return std::nullopt;
}

void Connection::next_request(SteadyTime now) {
    request_ = {};
    response_ = {};
    parsed_ = {};
    body_.reset();
    id_.clear();
    if (out_.capacity() > kKeptOutput) std::string().swap(out_);
    started_ = false;
    blank_ = 0;
    wants_body_ = true;
    deadline_ = now + environment_.limits.idle_time;
    phase_ = Phase::head;
}

Connection::Wait Connection::linger() {
    if (buffer_.empty()) buffer_.resize(kFirstBuffer);
    while (lingered_ <= kLingerBytes) {
        const auto result = stream_->read(buffer_);
        switch (result.state) {
            case IoResult::State::done:
                lingered_ += result.bytes;
                break;
            case IoResult::State::wants_read:
                return Wait::readable;
            case IoResult::State::wants_write:
                return Wait::writable;
            case IoResult::State::closed:
            case IoResult::State::failed:
                return Wait::end;
        }
    }
    return Wait::end;
}

}  // namespace signet::http
