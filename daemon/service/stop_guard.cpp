#include "daemon/service/stop_guard.h"

#include <unistd.h>

#include "base/log_background.h"

namespace signet::service {

StopGuard::StopGuard(std::chrono::milliseconds limit, int exit_code) {
    thread_ = std::thread([this, limit, exit_code] {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, limit, [this] { return stopped_; })) return;
        log::error(
            "daemon.stop.cut",
            "the daemon did not stop in time, its disk or its token hangs; it ends without waiting for them");
        log::Background::flush(std::chrono::seconds(1));
        _exit(exit_code);
    });
}

StopGuard::~StopGuard() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        changed_.notify_one();
    }
    thread_.join();
}

}  // namespace signet::service
