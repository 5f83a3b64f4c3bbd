// The sending half of a connection: frames of many threads leave in few writes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "base/bytes.h"

namespace signet::frames {

class SendQueue {
  public:
    // The socket is the owner's; it must outlive the last call.
    explicit SendQueue(int socket) : socket_(socket) {}
    ~SendQueue();
    SendQueue(const SendQueue&) = delete;
    SendQueue& operator=(const SendQueue&) = delete;

    enum class Sent : std::uint8_t {
        all,      // or another thread is just writing, which takes the new frames along
        blocked,  // the socket takes no more now: flush again when it is writable
        broken,   // the peer is gone
    };

    // Appends whole frames, to leave with the next flush. False when more than kLimit bytes would wait: the
    // peer does not read. `secret` has the memory wiped once it was sent.
    bool push(ByteView frames, bool secret);
    Sent flush();
    bool empty() const { return waiting_.load(std::memory_order_relaxed) == 0; }
    std::uint64_t writes() const { return writes_.load(std::memory_order_relaxed); }

    static constexpr std::size_t kLimit = std::size_t{72} << 20;  // the longest reply and more

  private:
    void recycle(Bytes& buffer, bool secret);

    const int socket_;
    std::mutex mutex_;
    Bytes queued_;
    bool queued_secret_ = false;
    // Owned by the thread that set `writing_`.
    Bytes current_;
    std::size_t sent_ = 0;
    bool current_secret_ = false;
    bool writing_ = false;
    bool broken_ = false;
    std::atomic<std::size_t> waiting_{0};
    std::atomic<std::uint64_t> writes_{0};
};

}  // namespace signet::frames
