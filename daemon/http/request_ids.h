// Ids of requests: unique over restarts, cheap, and of no meaning.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace signet::http {

// 22 characters of base64url over 10 random bytes, made once, and a counter of 6 bytes.
class RequestIds {
  public:
    RequestIds();
    std::string next();

  private:
    const Bytes prefix_;
    std::atomic<std::uint64_t> counter_{0};
};

}  // namespace signet::http
