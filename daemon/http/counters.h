// How many connections there are, and their places: who holds a Place is counted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

namespace signet::http {

// A number of places that may be taken; 0 as limit: none is ever refused.
struct Quota {
    std::atomic<std::size_t> taken{0};
    std::size_t limit = 0;

    bool take() {
        if (taken.fetch_add(1, std::memory_order_relaxed) < limit || limit == 0) return true;
        taken.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }
    void give_back() { taken.fetch_sub(1, std::memory_order_relaxed); }
};

struct Counters {
    Quota plain;
    Quota tls;
    Quota handshakes;
    Quota turned_away;  // connections that only get their 503
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> failed_handshakes{0};

    // For drain: all places are counted here too, and its end is signalled.
    std::mutex mutex;
    std::condition_variable all_gone;
    std::size_t open = 0;
};

// One connection's places in the quotas of its kind and of its listener.
class Place {
  public:
    // The quotas have been taken already.
    Place(Counters& counters, Quota& kind, Quota* listener)
        : counters_(&counters), kind_(&kind), listener_(listener) {
        const std::lock_guard lock(counters.mutex);
        ++counters.open;
    }
    Place(Place&& other) noexcept
        : counters_(std::exchange(other.counters_, nullptr)),
          kind_(other.kind_),
          listener_(other.listener_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
        if (counters_ == nullptr) return;
        kind_->give_back();
        if (listener_ != nullptr) listener_->give_back();
        const std::lock_guard lock(counters_->mutex);
        if (--counters_->open == 0) counters_->all_gone.notify_all();
    }

  private:
    Counters* counters_;
    Quota* kind_;
    Quota* listener_;
};

}  // namespace signet::http
