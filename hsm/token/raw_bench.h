// The token called directly, in-process: the yardstick for what the appliance adds on top.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "hsm/frames/key_types.h"
#include "hsm/token/token_operations.h"

namespace signet::token {

struct RawBenchCase {
    KeyId key;
    std::variant<SignAlgorithm, MacAlgorithm> algorithm;
};

struct RawBenchResult {
    std::string algorithm;  // "RS256"
    double operations_per_second = 0;
    double cpu_us = 0;  // user and system time of the process for one operation
    std::uint64_t operations = 0;
};

// Runs C_SignInit and C_Sign over a digest (32 bytes of data for a MAC) on `threads` threads for `seconds` each, every
// thread with a session of its own and the handle of the token object, found once; no session copies. Opens the module
// for itself and finalises it, so nothing else in the process may have it open.
Result<std::vector<RawBenchResult>> raw_bench(const OperationsOptions& options, const Secret& pin,
                                              const std::vector<RawBenchCase>& cases, unsigned threads,
                                              double seconds);

}  // namespace signet::token
