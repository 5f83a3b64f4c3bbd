#include "policy/rate_limiter.h"

#include <algorithm>

namespace signet::policy {
namespace {

std::int64_t nanoseconds_of(SteadyTime time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

std::unexpected<Error> refused(std::string message, std::int64_t wait_ns) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const auto seconds = std::max<std::int64_t>(1, (wait_ns + kSecond - 1) / kSecond);
    Error error{ErrorCode::rate_limited, std::move(message), {}, std::chrono::seconds{seconds}};
    return std::unexpected(std::move(error));
}

}  // namespace

RateLimiter::RateLimiter(std::size_t max_buckets)
    : max_per_shard_(std::max<std::size_t>(1, max_buckets / kShards)) {}

std::size_t RateLimiter::Hash::operator()(const KeyView& key) const {
    const std::hash<std::string_view> hash;
    return hash(key.first) * 31 + hash(key.second);
}

Status RateLimiter::take(const Rule& rule, std::string_view principal, SteadyTime now, std::uint32_t count) {
    if (!rule.rate || count == 0) return {};
    const auto limit = rule.rate->count;
    const auto per_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(rule.rate->per).count();
    if (count > limit || limit == 0)
        return refused("a batch of " + std::to_string(count) + " is more than rule '" + rule.name +
                           "' ever lets through at once; send " + std::to_string(limit) + " at most",
                       per_ns);
    const std::int64_t interval = std::max<std::int64_t>(1, per_ns / limit);
    const std::int64_t burst = interval * limit;
    const std::int64_t cost = interval * count;
    const std::int64_t now_ns = nanoseconds_of(now);

    const KeyView key{rule.name, principal};
    auto& shard = shards_[Hash{}(key) % kShards];
    const std::lock_guard lock(shard.mutex);
    auto bucket = shard.full_at.find(key);
    if (bucket == shard.full_at.end()) {
        if (shard.full_at.size() >= max_per_shard_) {
            std::erase_if(shard.full_at, [&](const auto& entry) { return entry.second <= now_ns; });
            if (shard.full_at.size() >= max_per_shard_)
                return refused("too many callers are being counted; try again later", interval);
        }
        bucket = shard.full_at.emplace(Key{rule.name, principal}, now_ns).first;
    }
    // After a reload with a smaller rate, a bucket may owe more than the new burst: it is cut to an empty
    // one.
    bucket->second = std::min(std::max(bucket->second, now_ns), now_ns + burst);
    const auto next = bucket->second + cost;
    if (next - now_ns > burst)
        return refused("rule '" + rule.name + "' lets no more requests of '" + std::string(principal) +
                           "' through for now; try again later",
                       next - burst - now_ns);
    bucket->second = next;
    return {};
}

std::size_t RateLimiter::size() const {
    std::size_t total = 0;
    for (const auto& shard : shards_) {
        const std::lock_guard lock(shard.mutex);
        total += shard.full_at.size();
    }
    return total;
}

}  // namespace signet::policy
