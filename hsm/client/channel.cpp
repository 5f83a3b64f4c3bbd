#include "hsm/client/channel.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "hsm/client/errors.h"
#include "hsm/frames/messages.h"

namespace signet::client {
namespace {

using std::chrono::steady_clock;

// With so many requests before the worker, a write of its own for one more gains nothing.
constexpr std::size_t kBusyDepth = 6;
constexpr std::size_t kMostDeferred = 16;
constexpr std::chrono::microseconds kLongestDefer{100};
constexpr std::chrono::milliseconds kTick{1000};
constexpr std::size_t kMostHeld = std::size_t{64} << 20;  // waiting for a connection, all together

}  // namespace

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
    if (deadline.at <= now) return waiter.failed(errors::too_late(operation));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.at - now).count();
    const auto time_ms = static_cast<std::uint32_t>(std::min<std::int64_t>(left, 0xFFFF'FFFF));
    requests_.fetch_add(1, std::memory_order_relaxed);

    std::shared_ptr<Connection> to_flush;
    bool wake_reader = false;
    std::optional<Error> refused;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            refused = errors::shutting_down();
        } else if (!current_ && now < next_attempt_) {
            refused = last_error_;
        } else {
            const bool ready = current_ && current_->ready;
            const auto id = pending_.add(waiter, ready ? current_.get() : nullptr, deadline.at, operation);
            if (id) frames::set_frame_id(frame, *id, time_ms);
            const bool secret = frames::traits(operation).secret_request;
            const bool room =
                ready ? id && current_->output.push(frame, secret) : held_bytes_ + frame.size() <= kMostHeld;
            if (!id || !room) {
                if (id) pending_.remove(*id);
                refused = errors::overloaded();
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
                held_bytes_ += frame.size();
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
        const auto error = errors::shutting_down();
        pending_.for_each([&](std::uint64_t id, PendingRequests::Request& request) {
            done.push_back({request.waiter, {}, {}, {}, errors::in_flight(request.operation, error)});
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

}  // namespace signet::client
