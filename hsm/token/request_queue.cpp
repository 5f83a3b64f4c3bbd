#include "hsm/token/request_queue.h"

#include <algorithm>
#include <utility>

#include "base/secret.h"

namespace signet::token {

Job::~Job() {
    if (!message.empty() && frames::carries_secret(header)) wipe(message);
}

Job& Job::operator=(Job&& other) noexcept {
    std::swap(connection, other.connection);
    std::swap(header, other.header);
    std::swap(deadline, other.deadline);
    std::swap(message, other.message);
    return *this;
}

void RequestQueue::push(std::vector<Job>& jobs) {
    std::size_t to_wake = 0;
    {
        const std::lock_guard lock(mutex_);
        for (auto& job : jobs)
            jobs_.push_back(std::move(job));
        size_.store(jobs_.size(), std::memory_order_relaxed);
        to_wake = std::min(idle_, jobs.size());
    }
    jobs.clear();
    for (; to_wake > 0; --to_wake)
        filled_.notify_one();
}

bool RequestQueue::take(Job& job, std::size_t& behind) {
    if (jobs_.empty()) return false;
    job = std::move(jobs_.front());
    jobs_.pop_front();
    behind = jobs_.size();
    size_.store(behind, std::memory_order_relaxed);
    return true;
}

bool RequestQueue::pop(Job& job, std::size_t& behind) {
    std::unique_lock lock(mutex_);
    while (!take(job, behind)) {
        if (closed_) return false;
        ++idle_;
        filled_.wait(lock);
        --idle_;
    }
    return true;
}

bool RequestQueue::try_pop(Job& job, std::size_t& behind) {
    const std::lock_guard lock(mutex_);
    return take(job, behind);
}

void RequestQueue::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    filled_.notify_all();
}

}  // namespace signet::token
