// The end of a stop that does not end: a commit that hangs in the kernel holds its thread, and nothing can cancel it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace signet::service {

// While it lives, the process has `limit` to stop what it runs; past it the process ends at once with `exit_code`, without
// unwinding. That loses nothing: what was acknowledged is durable, what was not comes back as an open intent.
class StopGuard {
  public:
    StopGuard(std::chrono::milliseconds limit, int exit_code);
    ~StopGuard();
    StopGuard(const StopGuard&) = delete;
    StopGuard& operator=(const StopGuard&) = delete;

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopped_ = false;
    std::thread thread_;
};

}  // namespace signet::service
