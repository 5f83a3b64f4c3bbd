// Token buckets, one for each rule and principal: a rule's `rate: 500/1s` lets 500 through at once and
// refills evenly.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "policy/rule.h"

namespace signet::policy {

// Safe from any thread. Buckets are known by the rule's name, so that they live across a reload of the
// policy.
class RateLimiter {
  public:
    // A full bucket says no more than none at all, so those are dropped first when `max_buckets` is reached;
    // if all are in use, a new one is refused.
    explicit RateLimiter(std::size_t max_buckets = 65'536);

    // Takes `count` tokens (the items of a batch) or none. A rule without a rate admits everything.
    // Error: rate_limited, with retry_after in whole seconds, at least 1.
    Status take(const Rule& rule, std::string_view principal, SteadyTime now, std::uint32_t count = 1);

    std::size_t size() const;  // buckets held

  private:
    // The generic cell rate algorithm (ITU-T I.371): one number a bucket, the time at which it will be full
    // again.
    using Key = std::pair<std::string, std::string>;
    using KeyView = std::pair<std::string_view, std::string_view>;
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(const KeyView& key) const;
        std::size_t operator()(const Key& key) const { return (*this)(KeyView{key.first, key.second}); }
    };
    struct Equal {
        using is_transparent = void;
        bool operator()(const KeyView& a, const KeyView& b) const { return a == b; }
        bool operator()(const Key& a, const KeyView& b) const { return KeyView{a.first, a.second} == b; }
        bool operator()(const KeyView& a, const Key& b) const { return KeyView{b.first, b.second} == a; }
        bool operator()(const Key& a, const Key& b) const { return a == b; }
    };
    struct Shard {
        mutable std::mutex mutex;
        std::unordered_map<Key, std::int64_t, Hash, Equal> full_at;  // nanoseconds of the steady clock
    };
    static constexpr std::size_t kShards = 16;

    std::size_t max_per_shard_;
    std::array<Shard, kShards> shards_;
};

}  // namespace signet::policy
