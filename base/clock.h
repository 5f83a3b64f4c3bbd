// Time as an input: services take a Clock, so that tests and conflict resolving can set it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace signet {

using SystemTime = std::chrono::sys_time<std::chrono::milliseconds>;  // UTC
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
  public:
    virtual ~Clock() = default;
    virtual SystemTime now() const = 0;
};

class SystemClock final : public Clock {
  public:
    SystemTime now() const override;
};

// Stands still until told otherwise.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(SystemTime start) : now_(start) {}
    SystemTime now() const override { return now_; }
    void set(SystemTime time) { now_ = time; }
    void advance(std::chrono::milliseconds by) { now_ += by; }

  private:
    SystemTime now_;
};

inline std::int64_t to_unix_ms(SystemTime time) {
    return time.time_since_epoch().count();
}
inline SystemTime from_unix_ms(std::int64_t ms) {
    return SystemTime{std::chrono::milliseconds{ms}};
}

// RFC 3339 in UTC with milliseconds: 2026-01-31T09:30:00.250Z
std::string to_rfc3339(SystemTime time);
// RFC 3339 with `Z` or a numeric offset, zero to nine decimals of a second; nullopt for anything else.
std::optional<SystemTime> from_rfc3339(std::string_view text);

}  // namespace signet
