#include "daemon/service/maintenance.h"

#include <algorithm>

namespace signet::service {

Maintenance::~Maintenance() {
    stop();
}

void Maintenance::add(Job job) {
    jobs_.push_back({std::move(job), {}});
}

void Maintenance::start() {
    thread_ = std::thread([this] { loop(); });
}

void Maintenance::wake(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::ranges::find_if(jobs_, [&](const Scheduled& entry) { return entry.job.name == name; });
    if (found == jobs_.end()) return;
    found->next = {};
    changed_.notify_one();
}

void Maintenance::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

void Maintenance::run_all() {
    for (auto& entry : jobs_)
        entry.job.run();
}

void Maintenance::loop() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto next = std::ranges::min_element(jobs_, {}, &Scheduled::next);
        if (next == jobs_.end()) {
            changed_.wait(lock);
            continue;
        }
        const auto now = std::chrono::steady_clock::now();
        if (next->next > now) {
            changed_.wait_until(lock, next->next);
            continue;
        }
        // Set before it runs, so that a wake-up meanwhile is not lost.
        const auto planned = now + next->job.interval;
        next->next = planned;
        lock.unlock();
        const bool succeeded = next->job.run();
        lock.lock();
        if (!succeeded && next->next == planned)
            next->next = std::chrono::steady_clock::now() + next->job.retry;
    }
}

}  // namespace signet::service
