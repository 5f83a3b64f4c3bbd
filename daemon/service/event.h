// One wake-up between two threads: a futex, because it costs no system call when nobody sleeps, and it can time out.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace signet::service {

class Event {
  public:
    // Once only. Everything written before it is seen by the thread that `wait_until` returned true to.
    void set() noexcept;
    // False when `at` passed first.
    bool wait_until(SteadyTime at) noexcept;

  private:
    std::atomic<std::uint32_t> state_{0};
};

}  // namespace signet::service
