#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <map>
#include <thread>

#include "daemon/ctl/context.h"
#include "daemon/ctl/load_generator.h"
#include "daemon/ctl/process_times.h"
#include "daemon/ctl/programs.h"
#include "hsm/client/token_client.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

struct Case {
    std::string_view algorithm;
    std::string_view key;
    std::string_view operation;
    std::string_view member;  // of the body: 32 bytes, as a digest or as data
};
constexpr Case kCases[] = {{"RS256", "document.rsa", "sign", "digest"},
                           {"ES256", "document.ec", "sign", "digest"},
                           {"HS256", "document.mac", "mac", "data"}};

struct Measured {
    double per_second = 0;
    double cpu_us = 0;
    std::uint32_t p50_us = 0;
    std::uint32_t p99_us = 0;
};

std::string decimal(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

// The token in-process, in a process of its own that has no daemon around it.
Result<std::map<std::string, Measured, std::less<>>> measure_raw(const config::Config& config,
                                                                 std::uint64_t seconds) {
    if (config.token.config.empty())
        return fail(
            ErrorCode::failed_precondition,
            "signetd.yaml does not say where token.yaml is; set token.config to compare with the raw token");
    SIGNET_ASSIGN(const auto program, find_program("signetd-token"));
    std::vector<std::string> arguments{"bench-raw",
                                       "--config",
                                       config.token.config.string(),
                                       "--seconds",
                                       std::to_string(seconds),
                                       "--threads",
                                       std::to_string(std::max(1U, std::thread::hardware_concurrency()))};
    for (const auto& one : kCases)
        arguments.insert(arguments.end(),
                         {"--case", std::string(one.key) + ":" + std::string(one.algorithm)});
    SIGNET_ASSIGN(const auto finished,
                  run_program(program, arguments, std::chrono::seconds(60 + 3 * static_cast<long>(seconds))));
    if (finished.code != 0)
        return fail(ErrorCode::token_unavailable, "the raw token could not be measured: " +
                                                      finished.errors.substr(0, finished.errors.find('\n')));
    boost::system::error_code malformed;
    const auto document = json::parse(finished.output, malformed);
    const auto* runs =
        !malformed && document.is_object() ? document.get_object().if_contains("runs") : nullptr;
    if (runs == nullptr || !runs->is_array())
        return fail(ErrorCode::internal, "bench-raw printed no runs", finished.output);
    std::map<std::string, Measured, std::less<>> results;
    for (const auto& run : runs->get_array()) {
        const auto number = [&](std::string_view member) {
            const auto* value = run.is_object() ? run.get_object().if_contains(member) : nullptr;
            boost::system::error_code ignored;
            return value == nullptr ? 0.0 : value->to_number<double>(ignored);
        };
        results[text_of(run, "algorithm")] = {number("ops_per_s"), number("cpu_us"), 0, 0};
    }
    return results;
}

// signetd and all that belongs to it: its children, and the token's processes where those are a unit of their own.
Result<std::vector<Process>> daemon_processes(const config::Config& config,
                                              const std::filesystem::path& socket) {
    SIGNET_ASSIGN(const auto daemon, listener_of(socket));
    auto processes = process_tree(daemon);
    const auto token = TokenClient::create({.socket = config.token.socket});
    if (const auto status = token->status(Deadline::in(std::chrono::seconds(10)));
        status && status->supervisor_pid != 0) {
        for (const auto& process : process_tree(static_cast<pid_t>(status->supervisor_pid))) {
            if (std::ranges::none_of(processes, [&](const auto& known) { return known.pid == process.pid; }))
                processes.push_back(process);
        }
    }
    return processes;
}

std::chrono::microseconds total_time(const std::vector<Process>& processes) {
    std::chrono::microseconds total{0};
    for (const auto& process : processes)
        total += processor_time(process.pid).value_or(std::chrono::microseconds(0));
    return total;
}

Result<Measured> measure_daemon(const Case& one, const std::filesystem::path& socket,
                                const std::vector<Process>& processes, std::uint64_t connections,
                                std::uint64_t seconds) {
    std::chrono::microseconds begin{0};
    std::chrono::microseconds end{0};
    Load load;
    load.socket = socket;
    load.connections = static_cast<unsigned>(connections);
    load.target = "/v1/keys/" + std::string(one.key) + "/" + std::string(one.operation);
    load.body =
        R"({"algorithm":")" + std::string(one.algorithm) + R"(",")" + std::string(one.member) + R"(":")";
    load.varying = load.body.size();
    load.body += std::string(43, 'A') + "=\"}";  // base64 of 32 bytes
    load.time = std::chrono::seconds(seconds);
    load.on_start = [&] { begin = total_time(processes); };
    load.on_end = [&] { end = total_time(processes); };
    SIGNET_ASSIGN(const auto report, run_load(load));
    if (report.failures != 0)
        return fail(ErrorCode::failed_precondition, std::to_string(report.failures) + " requests with " +
                                                        std::string(one.key) +
                                                        " failed; the first: " + report.first_failure);
    if (report.operations == 0)
        return fail(ErrorCode::deadline_exceeded, "no request with " + std::string(one.key) +
                                                      " was answered in " + std::to_string(seconds) + " s");
    const auto operations = static_cast<double>(report.operations);
    return Measured{operations / report.seconds, static_cast<double>((end - begin).count()) / operations,
                    report.p50_us, report.p99_us};
}

Outcome bench(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto connections, arguments.number("--connections", 64, 1, 1000));
    SIGNET_ASSIGN(const auto seconds, arguments.number("--seconds", 8, 1, 3600));
    SIGNET_ASSIGN(const auto* config, context.config());
    SIGNET_ASSIGN(const auto socket, context.socket(Surface::api));
    SIGNET_ASSIGN(const auto processes, daemon_processes(*config, socket));
    std::string names;
    for (const auto& process : processes)
        names += " " + process.name + "=" + std::to_string(process.pid);
    context.out().note("processes measured:" + names);
    context.out().note("the token alone, in-process, on all processors …");
    SIGNET_ASSIGN(const auto raw, measure_raw(*config, seconds));

    std::vector<std::vector<std::string>> rows;
    std::string runs;
    for (const auto& one : kCases) {
        context.out().note(std::string(one.algorithm) + " through the daemon, " +
                           std::to_string(connections) + " connections …");
        SIGNET_ASSIGN(const auto daemon, measure_daemon(one, socket, processes, connections, seconds));
        const auto found = raw.find(one.algorithm);
        if (found == raw.end())
            return fail(ErrorCode::internal, "bench-raw did not measure " + std::string(one.algorithm));
        const auto& alone = found->second;
        const auto ratio = alone.cpu_us > 0 ? daemon.cpu_us / alone.cpu_us : 0;
        rows.push_back({std::string(one.algorithm), decimal(alone.per_second, 0), decimal(alone.cpu_us, 1),
                        decimal(daemon.per_second, 0), decimal(daemon.cpu_us, 1), decimal(ratio, 2),
                        std::to_string(daemon.p50_us), std::to_string(daemon.p99_us)});
        runs += (runs.empty() ? "" : ",") + (R"({"algorithm":")" + std::string(one.algorithm)) +
                R"(","raw":{"ops_per_s":)" + decimal(alone.per_second, 1) + R"(,"cpu_us":)" +
                decimal(alone.cpu_us, 2) + R"(},"daemon":{"ops_per_s":)" + decimal(daemon.per_second, 1) +
                R"(,"cpu_us":)" + decimal(daemon.cpu_us, 2) + R"(,"p50_us":)" +
                std::to_string(daemon.p50_us) + R"(,"p99_us":)" + std::to_string(daemon.p99_us) +
                R"(},"cpu_ratio":)" + decimal(ratio, 3) + "}";
    }
    context.out().table(
        {"ALGORITHM", "RAW/S", "RAW CPU US", "DAEMON/S", "DAEMON CPU US", "CPU RATIO", "P50 US", "P99 US"},
        rows);
    // Written by hand: Boost.JSON prints 48.5 as 4.85E1, which people read too.
    if (context.out().json()) context.out().raw("{\"runs\":[" + runs + "]}\n");
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> bench_commands() {
    return {{"",
             "bench",
             "measure the token alone, then the daemon with durable audit: rates, processor time, latency",
             {},
             {{"--connections", "N", "keep-alive connections (default 64)", Value::number},
              {"--seconds", "N", "for each measurement (default 8)", Value::number}},
             bench}};
}

}  // namespace signet::ctl
