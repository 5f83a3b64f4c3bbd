#include "daemon/http/worker_pool.h"

#include <algorithm>
#include <utility>

namespace signet::http {

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue) : queue_limit_(queue) {
    threads = std::max<std::size_t>(threads, 1);
    idle_.reserve(threads);
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i)
        sleepers_.push_back(std::make_unique<Sleeper>());
    for (auto& sleeper : sleepers_)
        threads_.emplace_back([this, &self = *sleeper] { run(self); });
}

WorkerPool::~WorkerPool() {
    stop();
}

bool WorkerPool::submit(Task& task) {
    Sleeper* sleeper = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return false;
        // Tasks that a free thread is about to take do not count as waiting.
        if (running_ + tasks_.size() >= sleepers_.size() + queue_limit_) return false;
        tasks_.push_back(std::move(task));
        if (!idle_.empty()) {
            sleeper = idle_.back();
            idle_.pop_back();
            sleeper->woken = true;
        }
    }
    // Outside the lock, so that the woken thread does not run into it.
    if (sleeper != nullptr) sleeper->wake.notify_one();
    return true;
}

void WorkerPool::run(Sleeper& self) {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (tasks_.empty()) {
            if (stopped_) return;
            self.woken = false;
            idle_.push_back(&self);
            self.wake.wait(lock, [&] { return self.woken; });
            continue;
        }
        auto task = std::move(tasks_.front());
        tasks_.pop_front();
        ++running_;
        lock.unlock();
        task();
        task = nullptr;
        lock.lock();
        --running_;
    }
}

void WorkerPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        for (auto* sleeper : std::exchange(idle_, {})) {
            sleeper->woken = true;
            sleeper->wake.notify_one();
        }
    }
    for (auto& thread : threads_)
        if (thread.joinable()) thread.join();
}

WorkerPool::Load WorkerPool::load() const {
    const std::lock_guard lock(mutex_);
    return {running_, tasks_.size()};
}

}  // namespace signet::http
