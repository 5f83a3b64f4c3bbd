#include "daemon/api/metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace signet::api {
namespace {

constexpr std::array<std::string_view, 7> kReasons = {"malformed", "unknown_path", "stranger",  "anonymous",
                                                      "forbidden", "rate",         "overloaded"};

// Label values escape backslash, quote and line feed (Prometheus text format 0.0.4).
std::string label(std::string_view value) {
    std::string out;
    for (const char c : value) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    std::array<char, 64> text{};
    const int size = std::snprintf(text.data(), text.size(), "%.15g", value);
    return {text.data(), static_cast<std::size_t>(std::max(size, 0))};
}

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
    out.append("# HELP ")
        .append(name)
        .append(" ")
        .append(help)
        .append("\n# TYPE ")
        .append(name)
        .append(" ")
        .append(type) += '\n';
}

}  // namespace

void Metrics::set_rows(const RouteTable& rows) {
    rows_.clear();
    for (const auto& row : rows) {
        auto counters = std::make_unique<Row>();
        counters->route = std::string(http::to_string(row.verb)) + " " + std::string(row.pattern);
        counters->permission = row.permission;
        rows_.push_back(std::move(counters));
    }
}

void Metrics::answered(std::size_t row, unsigned status, std::chrono::nanoseconds latency) {
    auto& counters = *rows_[row];
    const auto status_at = std::ranges::find(kStatuses, status);
    const auto status_index = status_at == kStatuses.end()
                                  ? kStatuses.size() - 1
                                  : static_cast<std::size_t>(status_at - kStatuses.begin());
    const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count() / 1000, 0));
    const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(kBounds, us) - kBounds.begin());
    counters.statuses[status_index].fetch_add(1, std::memory_order_relaxed);
    counters.latencies[bucket].fetch_add(1, std::memory_order_relaxed);
    counters.total_us.fetch_add(us, std::memory_order_relaxed);
}

void Metrics::refused(Refused reason) {
    refused_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
}

void Metrics::add(Kind kind, std::string name, std::string labels, std::string help,
                  std::function<double()> read) {
    readings_.push_back({kind, std::move(name), std::move(labels), std::move(help), std::move(read)});
}

std::string Metrics::text() const {
    std::string out;
    out.reserve(std::size_t{16} << 10);
    head(out, "signet_requests_total", "counter", "Requests that reached a route, by answer.");
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < kStatuses.size(); ++i) {
            const auto count = row->statuses[i].load(std::memory_order_relaxed);
            if (count == 0) continue;
            out.append("signet_requests_total{route=\"").append(label(row->route)).append("\",permission=\"");
            out.append(label(row->permission)).append("\",status=\"");
            out.append(kStatuses[i] == 0 ? "other" : std::to_string(kStatuses[i])).append("\"} ");
            out.append(std::to_string(count)) += '\n';
        }
    }
    head(out, "signet_request_seconds", "histogram", "Time from the header to the answer.");
    for (const auto& row : rows_) {
        std::uint64_t sum = 0;
        std::array<std::uint64_t, kBounds.size() + 1> counts{};
        for (std::size_t i = 0; i < counts.size(); ++i)
            sum += counts[i] = row->latencies[i].load(std::memory_order_relaxed);
        if (sum == 0) continue;
        const auto labels = "{route=\"" + label(row->route) + "\"";
        std::uint64_t cumulated = 0;
        for (std::size_t i = 0; i < counts.size(); ++i) {
            cumulated += counts[i];
            const auto bound = i < kBounds.size() ? number(kBounds[i] / 1e6) : std::string("+Inf");
            out.append("signet_request_seconds_bucket")
                .append(labels)
                .append(",le=\"")
                .append(bound)
                .append("\"} ");
            out.append(std::to_string(cumulated)) += '\n';
        }
        const auto total = static_cast<double>(row->total_us.load(std::memory_order_relaxed)) / 1e6;
        out.append("signet_request_seconds_sum").append(labels).append("} ").append(number(total)) += '\n';
        out.append("signet_request_seconds_count").append(labels).append("} ").append(std::to_string(sum)) +=
            '\n';
    }
    head(out, "signet_refused_total", "counter", "Requests refused before a handler decided them.");
    for (std::size_t i = 0; i < kReasons.size(); ++i) {
        out.append("signet_refused_total{reason=\"").append(kReasons[i]).append("\"} ");
        out.append(std::to_string(refused_[i].load(std::memory_order_relaxed))) += '\n';
    }
    std::string_view previous;
    for (const auto& reading : readings_) {
        if (reading.name != previous)
            head(out, reading.name, reading.kind == Kind::gauge ? "gauge" : "counter", reading.help);
        previous = reading.name;
        out.append(reading.name);
        if (!reading.labels.empty()) out.append("{").append(reading.labels).append("}");
        out.append(" ").append(number(reading.read())) += '\n';
    }
    return out;
}

}  // namespace signet::api
