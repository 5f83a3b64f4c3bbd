// Counters and latencies for GET /v1/metrics (Prometheus text format 0.0.4). Counting is a few relaxed atomics.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/api/route.h"

namespace signet::api {

class Metrics {
  public:
    // One set of counters a row; called once, by the pipeline, before any request.
    void set_rows(const RouteTable& rows);

    // signet_requests_total{route,permission,status} and signet_request_seconds{route}, of requests that reached a row.
    void answered(std::size_t row, unsigned status, std::chrono::nanoseconds latency);
    // signet_refused_total{reason}: what was refused before a handler, and by whom.
    enum class Refused : std::uint8_t {
        malformed,
        unknown_path,
        stranger,
        anonymous,
        forbidden,
        rate,
        overloaded,
        count_
    };
    void refused(Refused reason);
    std::uint64_t refused_count(Refused reason) const {
        return refused_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
    }

    // A value asked for at each scrape, in the order added; `name` and `labels` ("queue=\"workers\"", or empty) as
    // Prometheus wants them. Not after the first request. `read` runs on a worker thread.
    enum class Kind : std::uint8_t { gauge, counter };
    void add(Kind kind, std::string name, std::string labels, std::string help, std::function<double()> read);

    std::string text() const;

  private:
    // Upper bounds in microseconds; a Prometheus histogram is cumulative, the sums are made when it is read.
    static constexpr std::array<std::uint32_t, 14> kBounds = {
        100,    250,    500,     1'000,   2'500,     5'000,     10'000,
        25'000, 50'000, 100'000, 250'000, 1'000'000, 2'500'000, 10'000'000};
    static constexpr std::array<unsigned, 16> kStatuses = {200, 201, 202, 204, 400, 401, 403, 404, 409,
                                                           413, 422, 429, 500, 503, 504, 0};  // 0: any other
    struct alignas(64) Row {
        std::string route;
        std::string permission;
        std::array<std::atomic<std::uint64_t>, kStatuses.size()> statuses{};
        std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> latencies{};
        std::atomic<std::uint64_t> total_us{0};
    };
    struct Reading {
        Kind kind;
        std::string name, labels, help;
        std::function<double()> read;
    };
    std::vector<std::unique_ptr<Row>> rows_;
    std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Refused::count_)> refused_{};
    std::vector<Reading> readings_;
};

}  // namespace signet::api
