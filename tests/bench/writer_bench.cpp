// What an audit record costs: CPU microseconds per append at 1, 8 and 64 callers that wait for durability. No test: it
// prints numbers. Usage: writer_bench [DIRECTORY [SECONDS]]
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "sqlite/connection.h"
#include "sqlite/migrations.h"
#include "sqlite/writer.h"

namespace {

using namespace signet;
using namespace signet::sqlite;

double cpu_us() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto us = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    };
    return us(usage.ru_utime) + us(usage.ru_stime);
}

AuditRecord typical() {
    AuditRecord record;
    record.request_id = "Wq3tq0Zb5mS1xq2rT9vYbA";
    record.principal = "gateway";
    record.action = "keys.sign";
    record.object = "document.signing/1";
    record.outcome = "ok";
    record.details =
        R"({"algorithm":"ES256","digest":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"})";
    return record;
}

// `callers` chains of appends, each begun by the completion of the one before: no thread of its own to wake, so that
// the number is the writer's own cost.
void measure(const std::filesystem::path& directory, int callers, double seconds) {
    const auto path = directory / ("bench-" + random_id() + ".db");
    SystemClock clock;
    auto connection = Connection::open(path, Connection::Mode::create);
    if (!connection || !migrate(*connection, std::span(&core_migrations(), 1), clock)) return;
    auto started = Writer::start({}, *std::move(connection), clock);
    if (!started) return;
    const auto& writer = *started;

    std::atomic<bool> running{true};
    std::atomic<std::uint64_t> appended{0};
    std::function<void(Result<std::uint64_t>)> again = [&](const Result<std::uint64_t>& sequence) {
        if (sequence) appended.fetch_add(1, std::memory_order_relaxed);
        if (running.load(std::memory_order_relaxed))
            writer->append_async(typical(), [&](const Result<std::uint64_t>& next) { again(next); });
    };
    const auto start = std::chrono::steady_clock::now();
    const double cpu = cpu_us();
    for (int i = 0; i < callers; ++i)
        writer->append_async(typical(), [&](const Result<std::uint64_t>& next) { again(next); });
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    running = false;
    writer->stop();
    const double spent = cpu_us() - cpu;
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto statistics = writer->statistics();
    const auto count = static_cast<double>(appended.load());
    const auto commits = static_cast<double>(statistics.commits);
    std::printf("%2d callers: %6.2f us of CPU an append, %8.0f/s, %5.1f a commit, %6.0f us a commit\n",
                callers, spent / count, count / elapsed, count / commits,
                static_cast<double>(statistics.commit_us_total) / commits);
    for (const std::string suffix : {"", "-wal", "-shm"})
        std::filesystem::remove(path.string() + suffix);
}

}  // namespace

int main(int argc, char** argv) {
    const std::filesystem::path directory = argc > 1 ? argv[1] : ".";
    const double seconds = argc > 2 ? std::stod(argv[2]) : 3;
    for (const int callers : {1, 8, 64})
        measure(directory, callers, seconds);
}
