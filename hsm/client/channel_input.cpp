// What comes in: answers, the handshake, the end of a connection, and deadlines that pass.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/secret.h"
#include "hsm/client/channel.h"
#include "hsm/client/errors.h"
#include "hsm/frames/messages.h"

namespace signet::client {

using frames::FrameKind;
using std::chrono::steady_clock;

void Channel::receive(const std::shared_ptr<Connection>& connection) {
    const auto space = connection->input.space();
    const auto n = recv(connection->fd.get(), space.data(), space.size(), MSG_DONTWAIT);
    reads_.fetch_add(1, std::memory_order_relaxed);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (n <= 0) {
        const bool closed = n == 0;
        return lose(connection, errors::unavailable("the connection to the token process ended; try again",
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
            broken = errors::unavailable("the token process does not speak the protocol of this program",
                                         frame.error().message);
            return false;
        }
        if (!*frame) return true;
        const auto& header = (*frame)->header;
        if (!connection->ready || header.id == 0) {
            if (!take_handshake(connection, **frame, done, broken)) return false;
            continue;
        }
        const auto before = done.size();
        if (!take_answer(**frame, done, broken)) return false;
        connection->in_flight -= done.size() - before;
    }
}

// What concerns the connection itself: WELCOME, GOAWAY, and an error that ends it.
bool Channel::take_handshake(const std::shared_ptr<Connection>& connection, const frames::Frame& frame,
                             std::vector<Done>& done, Error& broken) {
    switch (frame.header.kind) {
        case FrameKind::welcome: {
            const auto welcome = frames::decode<frames::Welcome>(frame.message);
            if (connection->ready || !welcome || welcome->version < frames::kLowestVersion ||
                welcome->version > frames::kVersion)
                break;
            connection->ready = true;
            if (connection->draining) return true;
            back_off_ = options_.first_back_off;
            next_attempt_ = {};
            send_held(connection, done);
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
    broken = errors::unavailable(
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
        broken = errors::unavailable("the token process does not speak the protocol of this program",
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

void Channel::send_held(const std::shared_ptr<Connection>& connection, std::vector<Done>& done) {
    const auto now = steady_clock::now();
    pending_.for_each([&](std::uint64_t id, PendingRequests::Request& request) {
        if (request.connection != nullptr || request.deadline <= now) return;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(request.deadline - now).count();
        frames::set_frame_id(request.bytes, id,
                             static_cast<std::uint32_t>(std::min<std::int64_t>(left, 0xFFFF'FFFF)));
        const bool secret = frames::traits(request.operation).secret_request;
        if (!connection->output.push(request.bytes, secret)) {
            done.push_back({request.waiter, {}, {}, {}, errors::overloaded()});
            forget_held(request);
            pending_.remove(id);
            return;
        }
        forget_held(request);
        request.connection = connection.get();
        ++connection->in_flight;
        ++deferred_;  // sent by flush_deferred after this batch
    });
}

void Channel::forget_held(PendingRequests::Request& request) {
    if (request.connection == nullptr) held_bytes_ -= request.bytes.size();
    wipe(request.bytes);
    request.bytes = Bytes();
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
        done.push_back({request.waiter, {}, {}, {}, sent ? errors::in_flight(request.operation, why) : why});
        forget_held(request);
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
                done.push_back({request.waiter, {}, {}, {}, errors::too_late(request.operation)});
                for (const auto& connection : draining_) {
                    if (connection.get() == request.connection) --connection->in_flight;
                }
                if (current_ && current_.get() == request.connection) --current_->in_flight;
                forget_held(request);
                pending_.remove(id);
            });
        }
    }
    complete(done);
    if (silent)
        lose(silent,
             errors::unavailable("the token process accepts connections but says nothing; try again"));
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
