#include "hsm/frames/send_queue.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/secret.h"

namespace signet::frames {
namespace {
// Memory that one long frame needed is given back.
constexpr std::size_t kKeptCapacity = std::size_t{256} << 10;
}  // namespace

SendQueue::~SendQueue() {
    if (queued_secret_) wipe(queued_);
    if (current_secret_) wipe(current_);
}

bool SendQueue::push(ByteView frames, bool secret) {
    const std::lock_guard lock(mutex_);
    if (broken_) return true;  // the reader of this connection is about to see it
    if (waiting_.load(std::memory_order_relaxed) + frames.size() > kLimit) return false;
    const auto size = queued_.size() + frames.size();
    if (queued_secret_ && size > queued_.capacity()) {
        Bytes larger;
        larger.reserve(size * 2);
        larger = queued_;
        wipe(queued_);
        queued_ = std::move(larger);
    }
    queued_.insert(queued_.end(), frames.begin(), frames.end());
    queued_secret_ = queued_secret_ || secret;
    waiting_.fetch_add(frames.size(), std::memory_order_relaxed);
    return true;
}

void SendQueue::recycle(Bytes& buffer, bool secret) {
    if (secret) wipe(buffer);
    if (buffer.capacity() > kKeptCapacity) buffer = Bytes();
    buffer.clear();
}

SendQueue::Sent SendQueue::flush() {
    std::unique_lock lock(mutex_);
    if (broken_) return Sent::broken;
    if (writing_) return Sent::all;
    writing_ = true;
    for (;;) {
        if (sent_ == current_.size()) {
            recycle(current_, current_secret_);
            sent_ = 0;
            current_secret_ = false;
            if (queued_.empty()) {
                writing_ = false;
                return Sent::all;
            }
            std::swap(current_, queued_);
            current_secret_ = std::exchange(queued_secret_, false);
        }
        lock.unlock();
        const auto n =
            ::send(socket_, current_.data() + sent_, current_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
        const int error = n < 0 ? errno : 0;
        writes_.fetch_add(1, std::memory_order_relaxed);
        lock.lock();
        if (n >= 0) {
            sent_ += static_cast<std::size_t>(n);
            waiting_.fetch_sub(static_cast<std::size_t>(n), std::memory_order_relaxed);
            continue;
        }
        if (error == EINTR) continue;
        writing_ = false;
        if (error == EAGAIN || error == EWOULDBLOCK) return Sent::blocked;
        broken_ = true;
        return Sent::broken;
    }
}

}  // namespace signet::frames
