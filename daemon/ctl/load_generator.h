// Keeps a number of keep-alive connections busy with one request each, from one thread: it shares the processors with what
// it measures, so it parses no more of an answer than its length and its status.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace signet::ctl {

struct Load {
    std::filesystem::path socket;
    unsigned connections = 64;
    std::string target;       // "/v1/keys/document.ec/sign"
    std::string body;         // JSON; every request carries another number where `varying` stands
    std::size_t varying = 0;  // offset in `body` of 8 characters of base64
    std::chrono::milliseconds warm_up{500};  // not measured
    std::chrono::milliseconds time{8000};
    std::function<void()> on_start;  // when the measured part begins …
    std::function<void()> on_end;    // … and ends
};

struct LoadReport {
    std::uint64_t operations = 0;  // answered with 200 in the measured part
    double seconds = 0;
    std::uint32_t p50_us = 0;
    std::uint32_t p99_us = 0;
    std::uint64_t failures = 0;  // any other status
    std::string first_failure;   // its status line and body
};

// Errors: token_unavailable (nobody listens, or the daemon went away), internal.
Result<LoadReport> run_load(const Load& load);

}  // namespace signet::ctl
