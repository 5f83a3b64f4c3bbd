#include "daemon/service/event.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace signet::service {
namespace {

constexpr std::uint32_t kUnset = 0;
constexpr std::uint32_t kAwaited = 1;
constexpr std::uint32_t kSet = 2;

// std::chrono::steady_clock is CLOCK_MONOTONIC, which FUTEX_WAIT_BITSET takes as an absolute time (futex(2)).
timespec absolute(SteadyTime at) {
    const auto since = at.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds);
    return {static_cast<std::time_t>(seconds.count()), static_cast<long>(rest.count())};
}

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* time) {
    static_assert(sizeof(word) == sizeof(std::uint32_t));
    return syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, time, nullptr,
                   FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

void Event::set() noexcept {
    // After the exchange the waiter may have gone, and this object with it: the wake-up is an address by then, no more.
    if (state_.exchange(kSet, std::memory_order_acq_rel) == kAwaited) futex(state_, FUTEX_WAKE, 1, nullptr);
}

bool Event::wait_until(SteadyTime at) noexcept {
    std::uint32_t expected = kUnset;
    state_.compare_exchange_strong(expected, kAwaited, std::memory_order_acq_rel);
    const auto until = absolute(at);
    while (state_.load(std::memory_order_acquire) != kSet) {
        futex(state_, FUTEX_WAIT_BITSET, kAwaited, &until);
        if (state_.load(std::memory_order_acquire) == kSet) break;
        if (std::chrono::steady_clock::now() >= at) return false;
    }
    return true;
}

}  // namespace signet::service
