// `signetctl top`: what the daemon does right now, from the differences between scrapes of its metrics.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <thread>

#include "daemon/ctl/context.h"
#include "daemon/ctl/metrics_text.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

// Clears from the cursor's home to the end of the screen, so that nothing flickers.
constexpr std::string_view kHome = "\033[H\033[J";

std::string decimal(double value, int digits) {
    if (std::isnan(value)) return "-";
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return text.data();
}

std::string whole(double value) {
    return decimal(value, 0);
}

// Seconds as people read latencies.
std::string latency(double seconds) {
    if (std::isnan(seconds)) return "-";
    if (seconds < 0.001) return whole(seconds * 1e6) + " us";
    if (seconds < 1) return decimal(seconds * 1e3, 1) + " ms";
    return decimal(seconds, 2) + " s";
}

std::string span(double seconds) {
    if (std::isnan(seconds)) return "-";
    const auto total = static_cast<long>(std::max(seconds, 0.0));
    if (total >= 86'400) return std::to_string(total / 86'400) + " d";
    if (total >= 3'600) return std::to_string(total / 3'600) + " h";
    return std::to_string(total / 60) + " min";
}

std::string size(double bytes) {
    if (std::isnan(bytes)) return "-";
    return bytes >= 1e9 ? decimal(bytes / 1e9, 1) + " GB" : decimal(bytes / 1e6, 0) + " MB";
}

std::string yes_no(double value) {
    return std::isnan(value) ? "-" : value > 0 ? "yes" : "NO";
}

double nearest_end(const std::vector<Sample>& samples) {
    double nearest = std::nan("");
    for (const auto& sample : samples) {
        if (sample.name == "signet_certificate_expiry_seconds") nearest = std::fmin(nearest, sample.value);
    }
    return nearest;
}

// Rows that fit the terminal; all of them where there is none.
std::size_t rows_left() {
    winsize window{};
    constexpr unsigned short kOther = 12;  // lines above and below the table
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row <= kOther) return 100;
    return window.ws_row - kOther;
}

void show(Output& out, const std::vector<Sample>& now, const Activity& seen) {
    const auto value = [&](std::string_view name) { return value_of(now, name); };
    const auto started = value("signet_start_time_seconds");
    const auto clock =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    out.line("ready " + yes_no(value("signet_ready")) + "   token " + yes_no(value("signet_token_up")) +
             "   up " + span(clock - started) + "   requests/s " + decimal(seen.total_per_second, 1) +
             "   audit/s " + decimal(seen.audit_per_second, 1));
    out.line("connections " + whole(value("signet_connections")) + " (TLS " +
             whole(value("signet_tls_connections")) + ")   running " +
             whole(value("signet_requests_running")) + "   waiting: requests " +
             whole(value("signet_requests_waiting")) + ", token " + whole(value("signet_token_queue")) +
             ", database " + whole(value("signet_writer_queue")));
    out.line("keys " + whole(value("signet_token_keys")) + "   sessions " +
             whole(value("signet_token_sessions")) + "   unsigned records " +
             whole(value("signet_audit_unsigned_records")) + "   disk free " +
             size(value("signet_disk_free_bytes")) + "   certificate ends in " + span(nearest_end(now)) +
             "   CRL in " + span(value("signet_crl_expiry_seconds")));
    std::string refusals;
    for (const auto& [reason, rate] : seen.refusals)
        refusals += "   " + reason + " " + decimal(rate, 1) + "/s";
    out.line("refused" + (refusals.empty() ? std::string("   none") : refusals));
    out.line("");
    std::vector<std::vector<std::string>> rows;
    for (const auto& operation : seen.operations) {
        if (rows.size() == rows_left()) break;
        rows.push_back({decimal(operation.per_second, 1), decimal(operation.failed_per_second, 1),
                        decimal(operation.refused_per_second, 1), latency(operation.p50),
                        latency(operation.p99), operation.route});
    }
    out.table({"per s", "failed", "refused", "p50", "p99", "operation"}, rows);
}

json::value finite(double value) {
    return std::isfinite(value) ? json::value(value) : json::value(nullptr);
}

json::object document(const std::vector<Sample>& now, const Activity& seen) {
    json::object values;
    for (const auto& sample : now) {
        if (sample.labels.empty()) values[sample.name] = finite(sample.value);
    }
    json::array operations;
    for (const auto& operation : seen.operations)
        operations.push_back(json::object{{"operation", operation.route},
                                          {"per_s", operation.per_second},
                                          {"failed_per_s", operation.failed_per_second},
                                          {"refused_per_s", operation.refused_per_second},
                                          {"p50_s", finite(operation.p50)},
                                          {"p99_s", finite(operation.p99)}});
    json::object refusals;
    for (const auto& [reason, rate] : seen.refusals)
        refusals[reason] = rate;
    return {{"requests_per_s", seen.total_per_second},
            {"audit_per_s", seen.audit_per_second},
            {"operations", std::move(operations)},
            {"refused_per_s", std::move(refusals)},
            {"values", std::move(values)}};
}

Result<std::vector<Sample>> scrape(Context& context) {
    SIGNET_ASSIGN(const auto answer, context.send(Surface::api, http::Verb::get, "/v1/metrics"));
    return parse_metrics(answer.body);
}

Outcome top(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto interval, arguments.number("--interval", 2, 1, 3600));
    // Without a terminal one look is what a script wants.
    const bool terminal = isatty(STDOUT_FILENO) == 1 && !context.out().json();
    SIGNET_ASSIGN(const auto count,
                  arguments.number("--count", terminal ? 1'000'000'000 : 1, 1, 1'000'000'000));
    SIGNET_ASSIGN(auto before, scrape(context));
    auto then = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < count; ++i) {
        std::this_thread::sleep_for(std::chrono::seconds(interval));
        SIGNET_ASSIGN(auto after, scrape(context));
        const auto now = std::chrono::steady_clock::now();
        const auto seen = activity(before, after, std::chrono::duration<double>(now - then).count());
        if (terminal) context.out().raw(kHome);
        show(context.out(), after, seen);
        context.out().document(document(after, seen));
        if (!context.out().flush()) return ExitCode::failed;
        before = std::move(after);
        then = now;
    }
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> top_commands() {
    return {{"",
             "top",
             "live rates, latencies, queues and refusals; needs the permission metrics.read",
             {},
             {{"--interval", "SECONDS", "between looks (default 2)", Value::number},
              {"--count", "N", "looks before it ends (default: until interrupted; 1 without a terminal)",
               Value::number}},
             top}};
}

}  // namespace signet::ctl
