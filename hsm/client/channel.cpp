#include "hsm/client/channel.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/secret.h"
#include "hsm/frames/messages.h"

namespace signet::client {
namespace {

using frames::FrameKind;
using std::chrono::steady_clock;

// With so many requests before the worker, a write of its own for one more gains nothing.
constexpr std::size_t kBusyDepth = 6;
constexpr std::size_t kMostDeferred = 16;
constexpr std::chrono::microseconds kLongestDefer{100};
constexpr std::chrono::milliseconds kTick{1000};

constexpr std::chrono::seconds kRetryAfter{1};

Error unavailable(std::string message, std::string detail = {}) {
    return {ErrorCode::token_unavailable, std::move(message), std::move(detail), kRetryAfter};
}

Error deadline_error(frames::Operation operation) {
    std::string message = "the token did not answer in time";
    if (frames::traits(operation).changes_token)
        message += "; whether " + std::string(frames::traits(operation).name) +
                   " took effect is unknown: look before trying again";
    return {ErrorCode::deadline_exceeded, std::move(message), {}, kRetryAfter};
}

Error lost_error(frames::Operation operation, const Error& why) {
    auto error = why;
    if (frames::traits(operation).changes_token)
        error.message += "; whether " + std::string(frames::traits(operation).name) +
                         " took effect is unknown: look before trying again";
    return error;
}

}  // namespace

// An answer on its way to its waiter, outside the lock.
struct Channel::Done {
    Waiter* waiter;
    frames::FrameHeader header;
    ByteView message;              // in the connection's buffer
    Bytes parts;                   // what came before `message`
    std::optional<Error> error{};  // instead
};

Channel::Channel(TokenClient::Options options)
    : options_(std::move(options)),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      pending_(std::min<std::size_t>(options_.max_in_flight, 65'535)),
      back_off_(options_.first_back_off) {
    // Signals are for the program's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    reader_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Channel::~Channel() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake();
    reader_.join();
}

TokenClient::Counters Channel::counters() const {
    auto writes = closed_writes_.load();
    const std::lock_guard lock(mutex_);
    if (current_) writes += current_->output.writes();
    for (const auto& connection : draining_)
        writes += connection->output.writes();
    return {connections_.load(), writes, reads_.load(), requests_.load()};
}

void Channel::wake() {
    const std::uint64_t one = 1;
    (void)!::write(event_.get(), &one, sizeof(one));
}

void Channel::send(frames::Operation operation, std::span<std::uint8_t> frame, Deadline deadline,
                   Waiter& waiter) {
    const auto now = steady_clock::now();
    if (deadline.at <= now) return waiter.failed(deadline_error(operation));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.at - now).count();
    const auto time_ms = static_cast<std::uint32_t>(std::min<std::int64_t>(left, 0xFFFF'FFFF));
    requests_.fetch_add(1, std::memory_order_relaxed);

    std::shared_ptr<Connection> to_flush;
    bool wake_reader = false;
    std::optional<Error> refused;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            refused = Error{ErrorCode::cancelled, "the token client is shutting down", {}};
        } else if (!current_ && now < next_attempt_) {
            refused = last_error_;
        } else {
            const bool ready = current_ && current_->ready;
            const auto id = pending_.add(waiter, ready ? current_.get() : nullptr, deadline.at, operation);
            if (id) frames::set_frame_id(frame, *id, time_ms);
            const bool secret = frames::traits(operation).secret_request;
            if (!id || (ready && !current_->output.push(frame, secret))) {
                if (id) pending_.remove(*id);
                refused = Error{ErrorCode::overloaded,
                                "too many requests wait for the token; try again later",
                                {},
                                kRetryAfter};
            } else if (ready) {
                ++current_->in_flight;
                ++deferred_;
                const bool defer = window_open_ && deferred_ < kMostDeferred &&
                                   current_->in_flight >= kBusyDepth + deferred_;
                if (!defer) {
                    deferred_ = 0;
                    to_flush = current_;
                }
            } else {
                pending_.find(*id)->bytes = to_bytes(frame);
                wake_reader = !current_;
            }
            earliest_deadline_ = std::min(earliest_deadline_, deadline.at);
            wake_reader = wake_reader || deadline.at < reader_wakes_at_;
        }
    }
    if (refused) return waiter.failed(std::move(*refused));
    if (to_flush) flush(to_flush);
    if (wake_reader) wake();
}

void Channel::flush(const std::shared_ptr<Connection>& connection) {
    if (connection->output.flush() != frames::SendQueue::Sent::blocked) return;
    const std::lock_guard lock(mutex_);
    connection->blocked = true;
    wake();
}

void Channel::run() {
    // The wait for more requests is 100 µs: the default slack of 50 µs would make it half as long again.
    prctl(PR_SET_TIMERSLACK, 1000UL);
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) break;
        }
        connect_if_wanted();
        wait_for_events();
        expire();
        flush_deferred();
        close_drained();
    }
    std::vector<Done> done;
    {
        const std::lock_guard lock(mutex_);
        const Error error{ErrorCode::cancelled, "the token client is shutting down", {}};
        pending_.for_each([&](std::uint64_t id, PendingRequests::Request& request) {
            done.push_back({request.waiter, {}, {}, {}, lost_error(request.operation, error)});
            pending_.remove(id);
        });
    }
    complete(done);
}

void Channel::connect_if_wanted() {
    const auto now = steady_clock::now();
    {
        const std::lock_guard lock(mutex_);
        if (current_ || now < next_attempt_) return;
        bool wanted = false;
        pending_.for_each(
            [&](std::uint64_t, const auto& request) { wanted = wanted || request.connection == nullptr; });
        if (!wanted) return;
    }
    auto opened = Connection::open(options_.socket, options_.server_uid, now + options_.hello_time);
    std::vector<Done> done;
    {
        const std::lock_guard lock(mutex_);
        if (opened) {
            current_ = *opened;
            connections_.fetch_add(1, std::memory_order_relaxed);
        } else {
            back_off(opened.error());
            fail_all(nullptr, opened.error(), done);
        }
    }
    complete(done);
}

void Channel::wait_for_events() {
    auto& connections = polled_connections_;
    auto& polled = polled_;
    polled.assign(1, {event_.get(), POLLIN, 0});
    const auto now = steady_clock::now();
    SteadyTime until = now + kTick;
    {
        const std::lock_guard lock(mutex_);
        connections = draining_;
        if (current_) connections.push_back(current_);
        for (const auto& connection : connections)
            polled.push_back(
                {connection->fd.get(), static_cast<short>(POLLIN | (connection->blocked ? POLLOUT : 0)), 0});
        until = std::min(until, earliest_deadline_);
        if (current_ && !current_->ready) until = std::min(until, current_->welcome_until);
        reader_wakes_at_ = until;
        window_open_ = window_open_ && current_ && current_->in_flight >= kBusyDepth;
        if (window_open_) until = std::min(until, now + kLongestDefer);
    }
    const auto wait = std::max(until - now, steady_clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
    const timespec timeout{seconds.count(), std::chrono::nanoseconds(wait - seconds).count()};
    const int ready = ppoll(polled.data(), polled.size(), &timeout, nullptr);
    if (ready == 0) {
        // Nothing came within the window: requests that come now go out at once.
        const std::lock_guard lock(mutex_);
        if (deferred_ == 0) window_open_ = false;
    }
    if (ready <= 0) return;
    if ((polled[0].revents & POLLIN) != 0) {
        std::uint64_t count = 0;
        (void)!::read(event_.get(), &count, sizeof(count));
    }
    for (std::size_t i = 0; i < connections.size(); ++i) {
        const auto events = polled[i + 1].revents;
        if ((events & POLLOUT) != 0) {
            {
                const std::lock_guard lock(mutex_);
                connections[i]->blocked = false;
            }
            flush(connections[i]);
        }
        if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) receive(connections[i]);
    }
}

void Channel::receive(const std::shared_ptr<Connection>& connection) {
    const auto space = connection->input.space();
    const auto n = recv(connection->fd.get(), space.data(), space.size(), MSG_DONTWAIT);
    reads_.fetch_add(1, std::memory_order_relaxed);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (n <= 0) {
        const bool closed = n == 0;
        return lose(connection, unavailable("the connection to the token process ended; try again",
                                            closed ? "closed by the peer" : std::strerror(errno)));
    }
    connection->input.filled(static_cast<std::size_t>(n));
    Error broken;
    bool good = false;
    done_.clear();
    {
        const std::lock_guard lock(mutex_);
        good = take_frames(connection, done_, broken);
        window_open_ = current_ && current_->ready;  // until this thread is through with the answers
    }
    complete(done_);
    if (!good) lose(connection, broken);
}

bool Channel::take_frames(const std::shared_ptr<Connection>& connection, std::vector<Done>& done,
                          Error& broken) {
    for (;;) {
        const auto frame = connection->input.next();
        if (!frame) {
            broken = unavailable("the token process does not speak the protocol of this program",
                                 frame.error().message);
            return false;
        }
        if (!*frame) return true;
        const auto& header = (*frame)->header;
        if (!connection->ready || header.id == 0) {
            if (!take_handshake(connection, **frame, broken)) return false;
            continue;
        }
        const auto before = done.size();
        if (!take_answer(**frame, done, broken)) return false;
        connection->in_flight -= done.size() - before;
    }
}

// What concerns the connection itself: WELCOME, GOAWAY, and an error that ends it.
bool Channel::take_handshake(const std::shared_ptr<Connection>& connection, const frames::Frame& frame,
                             Error& broken) {
    switch (frame.header.kind) {
        case FrameKind::welcome: {
            const auto welcome = frames::decode<frames::Welcome>(frame.message);
            if (connection->ready || !welcome || welcome->version < frames::kLowestVersion ||
                welcome->version > frames::kVersion)
                break;
            connection->ready = true;
            back_off_ = options_.first_back_off;
            next_attempt_ = {};
            send_held(connection);
            return true;
        }
        case FrameKind::goaway:
            go_away(connection);
            return true;
        case FrameKind::error:
            broken = frames::decode_error(frame.message);
            return false;
        default:
            break;
    }
    broken = unavailable(
        "the token process does not speak the protocol of this program",
        "kind " + std::to_string(static_cast<int>(frame.header.kind)) + " where none is expected");
    return false;
}

bool Channel::take_answer(const frames::Frame& frame, std::vector<Done>& done, Error& broken) {
    const auto& header = frame.header;
    auto* const request = pending_.find(header.id);
    if (request == nullptr) return true;  // it timed out
    const bool part = header.kind == FrameKind::reply_part;
    if ((header.kind != FrameKind::reply && header.kind != FrameKind::error && !part) ||
        header.operation != request->operation ||
        request->bytes.size() + frame.message.size() > frames::kMaxReply) {
        broken = unavailable("the token process does not speak the protocol of this program",
                             "an answer that does not fit its request " +
                                 std::string(frames::traits(request->operation).name));
        return false;
    }
    if (part) {
        Bytes longer;  // grown by hand: the old memory may hold a secret
        longer.reserve(request->bytes.size() + frame.message.size());
        longer = request->bytes;
        longer.insert(longer.end(), frame.message.begin(), frame.message.end());
        wipe(request->bytes);
        request->bytes = std::move(longer);
        return true;
    }
    done.push_back({request->waiter, header, frame.message, std::move(request->bytes)});
    pending_.remove(header.id);
    return true;
}

void Channel::send_held(const std::shared_ptr<Connection>& connection) {
    const auto now = steady_clock::now();
    pending_.for_each([&](std::uint64_t id, PendingRequests::Request& request) {
        if (request.connection != nullptr || request.deadline <= now) return;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(request.deadline - now).count();
        frames::set_frame_id(request.bytes, id,
                             static_cast<std::uint32_t>(std::min<std::int64_t>(left, 0xFFFF'FFFF)));
        const bool secret = frames::traits(request.operation).secret_request;
        (void)connection->output.push(request.bytes, secret);  // what was held is far below the queue's limit
        if (secret) wipe(request.bytes);
        request.bytes = Bytes();
        request.connection = connection.get();
        ++connection->in_flight;
        ++deferred_;  // sent by flush_deferred after this batch
    });
}

void Channel::go_away(const std::shared_ptr<Connection>& connection) {
    if (connection->draining) return;
    connection->draining = true;
    draining_.push_back(connection);
    if (current_ == connection) current_.reset();
    if (deferred_ > 0) {
        deferred_ = 0;
        if (connection->output.flush() == frames::SendQueue::Sent::blocked) connection->blocked = true;
    }
}

void Channel::lose(const std::shared_ptr<Connection>& connection, const Error& why) {
    std::vector<Done> done;
    {
        const std::lock_guard lock(mutex_);
        fail_all(connection.get(), why, done);
        closed_writes_.fetch_add(connection->output.writes(), std::memory_order_relaxed);
        std::erase(draining_, connection);
        if (current_ == connection) {
            current_.reset();
            deferred_ = 0;
            window_open_ = false;
            // A server that takes connections and drops them is not asked again at once either.
            if (!connection->ready) {
                back_off(why);
                fail_all(nullptr, why, done);
            }
        }
    }
    complete(done);
}

void Channel::fail_all(const void* connection, const Error& why, std::vector<Done>& done) {
    pending_.for_each([&](std::uint64_t id, PendingRequests::Request& request) {
        if (request.connection != connection) return;
        const bool sent = connection != nullptr;
        done.push_back({request.waiter, {}, {}, {}, sent ? lost_error(request.operation, why) : why});
        wipe(request.bytes);
        pending_.remove(id);
    });
}

void Channel::back_off(const Error& why) {
    last_error_ = why;
    next_attempt_ = steady_clock::now() + back_off_;
    back_off_ = std::min(back_off_ * 2, options_.longest_back_off);
}

void Channel::expire() {
    const auto now = steady_clock::now();
    std::vector<Done> done;
    std::shared_ptr<Connection> silent;
    {
        const std::lock_guard lock(mutex_);
        if (current_ && !current_->ready && current_->welcome_until <= now) silent = current_;
        if (earliest_deadline_ > now) {
            if (!silent) return;
        } else {
            earliest_deadline_ = SteadyTime::max();
            pending_.for_each([&](std::uint64_t id, PendingRequests::Request& request) {
                if (request.deadline > now) {
                    earliest_deadline_ = std::min(earliest_deadline_, request.deadline);
                    return;
                }
                done.push_back({request.waiter, {}, {}, {}, deadline_error(request.operation)});
                for (const auto& connection : draining_) {
                    if (connection.get() == request.connection) --connection->in_flight;
                }
                if (current_ && current_.get() == request.connection) --current_->in_flight;
                wipe(request.bytes);
                pending_.remove(id);
            });
        }
    }
    complete(done);
    if (silent)
        lose(silent, unavailable("the token process accepts connections but says nothing; try again"));
}

void Channel::flush_deferred() {
    std::shared_ptr<Connection> connection;
    {
        const std::lock_guard lock(mutex_);
        if (deferred_ == 0 || !current_) return;
        deferred_ = 0;
        connection = current_;
    }
    flush(connection);
}

void Channel::close_drained() {
    const std::lock_guard lock(mutex_);
    std::erase_if(draining_, [&](const auto& connection) {
        if (connection->in_flight > 0 || !connection->output.empty()) return false;
        closed_writes_.fetch_add(connection->output.writes(), std::memory_order_relaxed);
        return true;
    });
}

void Channel::complete(std::vector<Done>& done) {
    for (auto& each : done) {
        if (each.error) {
            each.waiter->failed(std::move(*each.error));
        } else if (each.header.kind == FrameKind::error) {
            each.waiter->failed(frames::decode_error(each.message));
        } else if (each.parts.empty()) {
            each.waiter->answered(each.message);
        } else {
            Bytes whole;
            whole.reserve(each.parts.size() + each.message.size());
            whole = each.parts;
            whole.insert(whole.end(), each.message.begin(), each.message.end());
            each.waiter->answered(whole);
            wipe(whole);
            wipe(each.parts);
        }
    }
}

}  // namespace signet::client
