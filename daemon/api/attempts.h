// Wrong credentials, counted for each caller and each account, so that guessing is slow.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/api/exchange.h"

namespace signet::api {

// Safe from any thread. Only failures count: whoever shows the right credentials is never slowed down by himself.
class Attempts {
  public:
    explicit Attempts(std::size_t max_entries = 65'536) : max_entries_(max_entries) {}

    // Error: rate_limited with retry_after, when `limit` failures of the last minute are used up. `what` keeps callers,
    // accounts and families apart ("momo.user").
    Status admit(std::string_view what, std::string_view who, std::uint32_t limit, SteadyTime now);
    void failed(std::string_view what, std::string_view who, std::uint32_t limit, SteadyTime now);

    std::size_t size() const;

  private:
    // The generic cell rate algorithm, as policy::RateLimiter: the time at which all failures are forgotten.
    using Forgotten = std::unordered_map<std::string, SteadyTime>;
    mutable std::mutex mutex_;
    std::size_t max_entries_;
    Forgotten forgotten_;
};

// Who a request comes from, as far as guessing goes: the principal, or for anonymous callers their address without the
// port (of IPv6 the first 64 bits, which one customer has).
std::string guesser_of(const Exchange& exchange);

}  // namespace signet::api
