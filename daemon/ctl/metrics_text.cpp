#include "daemon/ctl/metrics_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace signet::ctl {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::optional<double> number(std::string_view text) {
    if (text == "+Inf") return std::numeric_limits<double>::infinity();
    if (text == "NaN") return kNone;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// `text` begins after the opening brace; what follows the closing one is left in it. False when it is malformed.
bool read_labels(std::string_view& text, Sample& sample) {
    while (!text.empty() && text.front() != '}') {
        if (text.front() == ',') text.remove_prefix(1);
        const auto equals = text.find("=\"");
        if (equals == std::string_view::npos) return false;
        auto& value = sample.labels[std::string(text.substr(0, equals))];
        text.remove_prefix(equals + 2);
        while (!text.empty() && text.front() != '"') {
            if (text.front() == '\\' && text.size() > 1) {
                text.remove_prefix(1);
                value += text.front() == 'n' ? '\n' : text.front();
            } else {
                value += text.front();
            }
            text.remove_prefix(1);
        }
        if (text.empty()) return false;
        text.remove_prefix(1);
    }
    if (text.empty()) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<Sample> read_sample(std::string_view line) {
    const auto end_of_name = line.find_first_of("{ ");
    if (line.empty() || line.front() == '#' || end_of_name == std::string_view::npos) return std::nullopt;
    Sample sample;
    sample.name = std::string(line.substr(0, end_of_name));
    line.remove_prefix(end_of_name);
    if (line.front() == '{') {
        line.remove_prefix(1);
        if (!read_labels(line, sample)) return std::nullopt;
    }
    while (!line.empty() && line.front() == ' ')
        line.remove_prefix(1);
    const auto value = number(line.substr(0, line.find(' ')));
    if (!value) return std::nullopt;
    sample.value = *value;
    return sample;
}

using Key = std::pair<std::string, std::map<std::string, std::string, std::less<>>>;

// How much each counter grew.
std::vector<Sample> growth(const std::vector<Sample>& before, const std::vector<Sample>& after) {
    std::map<Key, double> old;
    for (const auto& sample : before)
        old.emplace(Key{sample.name, sample.labels}, sample.value);
    std::vector<Sample> out;
    for (const auto& sample : after) {
        auto& grown = out.emplace_back(sample);
        const auto found = old.find(Key{sample.name, sample.labels});
        if (found != old.end() && found->second <= sample.value) grown.value -= found->second;
    }
    return out;
}

struct Gathered {
    double count = 0;
    double failed = 0;
    double refused = 0;
    std::vector<std::pair<double, double>> buckets;
};

void count_answer(Gathered& operation, const Sample& sample) {
    operation.count += sample.value;
    const auto status = sample.label("status");
    if (status.starts_with('5')) operation.failed += sample.value;
    if (status == "401" || status == "403" || status == "429") operation.refused += sample.value;
}

}  // namespace

std::vector<Sample> parse_metrics(std::string_view text) {
    std::vector<Sample> out;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (auto sample = read_sample(text.substr(0, end))) out.push_back(*std::move(sample));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

Activity activity(const std::vector<Sample>& before, const std::vector<Sample>& after, double seconds) {
    std::map<std::string, Gathered> operations;
    Activity out;
    for (const auto& sample : growth(before, after)) {
        if (sample.name == "signet_requests_total") {
            count_answer(operations[std::string(sample.label("route"))], sample);
        } else if (sample.name == "signet_request_seconds_bucket") {
            operations[std::string(sample.label("route"))].buckets.emplace_back(
                number(sample.label("le")).value_or(kNone), sample.value);
        } else if (sample.name == "signet_refused_total" && sample.value > 0) {
            out.refusals.emplace_back(sample.label("reason"), sample.value / seconds);
        } else if (sample.name == "signet_audit_records_total") {
            out.audit_per_second = sample.value / seconds;
        }
    }
    for (const auto& [route, operation] : operations) {
        if (operation.count == 0) continue;
        out.total_per_second += operation.count / seconds;
        out.operations.push_back({route, operation.count / seconds, operation.failed / seconds,
                                  operation.refused / seconds, quantile(operation.buckets, 0.5),
                                  quantile(operation.buckets, 0.99)});
    }
    std::ranges::sort(out.operations, std::ranges::greater{}, &OperationRate::per_second);
    return out;
}

double value_of(const std::vector<Sample>& samples, std::string_view name) {
    const auto found = std::ranges::find(samples, name, &Sample::name);
    return found == samples.end() ? kNone : found->value;
}

double quantile(const std::vector<std::pair<double, double>>& buckets, double q) {
    if (buckets.empty() || buckets.back().second <= 0) return kNone;
    const double rank = q * buckets.back().second;
    double low = 0;
    double below = 0;
    for (const auto& [bound, count] : buckets) {
        if (count >= rank && count > below)
            return std::isinf(bound) ? low : low + (bound - low) * (rank - below) / (count - below);
        low = bound;
        below = count;
    }
    return low;
}

}  // namespace signet::ctl
