// What the files of the supervisor share: its times, and what it says while no worker serves.
#pragma once

#include <chrono>
#include <string>

#include "base/error.h"

namespace signet::token {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

inline constexpr milliseconds kTick{250};
inline constexpr milliseconds kFirstBackOff{100};
inline constexpr milliseconds kLongestBackOff{5'000};
inline constexpr seconds kSettled{10};  // a worker that served so long is started again at once
inline constexpr seconds kMemoryCheck{2};
inline constexpr seconds kBetweenSwaps{10};
inline constexpr seconds kDrain{20};      // for a worker to see its clients off when we stop
inline constexpr seconds kSwapDrain{40};  // and when another took over; the worker itself waits 30 s
inline constexpr seconds kLostTime{3};    // for a worker that lost the token
inline constexpr seconds kWatchdog{5};
inline constexpr seconds kPinChange{60};  // for the token to take a new PIN

inline Error not_yet() {
    return {ErrorCode::token_unavailable, "the token is being opened; try again in a moment", {}, seconds(1)};
}

inline std::string seconds_text(milliseconds time) {
    return std::to_string(time.count() / 1000) + " s";
}

}  // namespace signet::token
