// Opened once, waited for by one thread: a futex and nothing else. std::atomic::wait goes through a table shared by the
// whole process, which costs more than the request it waits for.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace signet::client {

class Latch {
  public:
    void wait() {
        std::uint32_t expected = kClosed;
        state_.compare_exchange_strong(expected, kWaitedFor, std::memory_order_acquire);
        while (state_.load(std::memory_order_acquire) != kOpen)
            futex(FUTEX_WAIT_PRIVATE, kWaitedFor);
    }
    // The waiting thread may destroy the latch as soon as the state is set: the wake-up that follows touches only the
    // address, and the kernel bears one that nobody waits at.
    void open() {
        if (state_.exchange(kOpen, std::memory_order_acq_rel) == kWaitedFor) futex(FUTEX_WAKE_PRIVATE, 1);
    }

  private:
    static constexpr std::uint32_t kClosed = 0, kWaitedFor = 1, kOpen = 2;

    void futex(int operation, std::uint32_t value) {
        syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&state_), operation, value, nullptr, nullptr, 0);
    }

    std::atomic<std::uint32_t> state_{kClosed};
    static_assert(sizeof(state_) == sizeof(std::uint32_t));
};

}  // namespace signet::client
