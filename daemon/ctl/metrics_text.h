// Reads the Prometheus text format (0.0.4), as GET /v1/metrics answers it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace signet::ctl {

struct Sample {
    std::string name;
    std::map<std::string, std::string, std::less<>> labels;
    double value = 0;

    std::string_view label(std::string_view key) const {
        const auto found = labels.find(key);
        return found == labels.end() ? std::string_view{} : std::string_view(found->second);
    }
};

// Lines that are no samples are passed over: a newer daemon must not blind an older tool.
std::vector<Sample> parse_metrics(std::string_view text);

// What happened between two scrapes, for one operation.
struct OperationRate {
    std::string route;
    double per_second = 0;
    double failed_per_second = 0;   // answers from 500 on
    double refused_per_second = 0;  // answers 401, 403 and 429
    double p50 = 0;                 // seconds; NaN when there was none
    double p99 = 0;
};

struct Activity {
    std::vector<OperationRate> operations;                 // by rate, highest first; only those with requests
    std::vector<std::pair<std::string, double>> refusals;  // reason and rate, of reasons that occurred
    double total_per_second = 0;
    double audit_per_second = 0;
};

// `seconds` is the time between the scrapes. Counters that went back (a restart) count from zero.
Activity activity(const std::vector<Sample>& before, const std::vector<Sample>& after, double seconds);

// The value of the first sample of that name; NaN when there is none.
double value_of(const std::vector<Sample>& samples, std::string_view name);

// The quantile (0 to 1) of a cumulative histogram, {upper bound, count} ascending, linear within a bucket as Prometheus
// does; NaN when it is empty.
double quantile(const std::vector<std::pair<double, double>>& buckets, double q);

}  // namespace signet::ctl
