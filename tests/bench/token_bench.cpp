// Measures what the token socket costs: callers that sign through TokenClient, against the token called in-process.
//
//   token_bench SIGNETD_TOKEN [CALLERS] [SECONDS]
//
// Not a test: run it on a quiet machine, in a release build. As root, the token's processes run as nobody.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/token_process.h"

namespace signet::testing {
namespace {

using namespace std::chrono_literals;

// User and system time of a process so far, in microseconds (proc(5), fields 14 and 15).
double cpu_us(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    std::istringstream rest(line.substr(line.rfind(')') + 2));
    std::string skipped;
    for (int field = 3; field < 14; ++field)
        rest >> skipped;
    double user = 0, system = 0;
    rest >> user >> system;
    return (user + system) * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double own_cpu_us() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto us = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    };
    return us(usage.ru_utime) + us(usage.ru_stime);
}

struct Bench {
    TokenClient& client;
    pid_t worker;
    double seconds;

    // `load` makes requests until `stop`, counting in `done` and `failed`.
    using Load = std::function<void(std::atomic<bool>& stop, std::atomic<std::uint64_t>& done,
                                    std::atomic<std::uint64_t>& failed)>;
    void run(const char* name, unsigned callers, const Load& load) const {
        std::atomic<bool> stop{false};
        std::atomic<std::uint64_t> done{0}, failed{0};
        const auto counters = client.counters();
        const auto worker_before = cpu_us(worker), own_before = own_cpu_us();
        const auto begin = std::chrono::steady_clock::now();
        std::thread timer([&] {
            std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
            stop = true;
        });
        load(stop, done, failed);
        timer.join();
        const auto time = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        const auto operations = static_cast<double>(done);
        const auto after = client.counters();
        std::printf(
            "%-12s %3u at once: %8.0f/s, worker %6.2f us, client %6.2f us, %4.1f requests a write, "
            "%4.1f answers a read, %llu failed\n",
            name, callers, operations / time, (cpu_us(worker) - worker_before) / operations,
            (own_cpu_us() - own_before) / operations,
            operations / static_cast<double>(after.writes - counters.writes),
            operations / static_cast<double>(after.reads - counters.reads),
            static_cast<unsigned long long>(failed));
        std::fflush(stdout);
    }

    // A thread for each caller, which blocks.
    template <class Call>
    void blocking(const char* name, unsigned callers, const Call& call) const {
        run(name, callers, [&](auto& stop, auto& done, auto& failed) {
            std::vector<std::thread> threads;
            for (unsigned i = 0; i < callers; ++i) {
                threads.emplace_back([&] {
                    while (!stop)
                        ++(call() ? done : failed);
                });
            }
            for (auto& thread : threads)
                thread.join();
        });
    }

    // Each answer brings the next request: what the socket costs without a thread's wake-up for each.
    template <class Start>
    void chained(const char* name, unsigned callers, const Start& start) const {
        run(name, callers, [&](auto& stop, auto& done, auto& failed) {
            std::atomic<unsigned> running{callers};
            std::function<void(Result<Bytes>)> next = [&](const Result<Bytes>& answer) {
                ++(answer ? done : failed);
                if (stop)
                    --running;
                else
                    start(next);
            };
            for (unsigned i = 0; i < callers; ++i)
                start(next);
            eventually([&] { return running == 0; }, std::chrono::hours(1));
        });
    }
};

int bench(int argc, char** argv) {
    const unsigned callers = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 64;
    const double seconds = argc > 3 ? std::atof(argv[3]) : 3;
    TokenProcess process(argv[1]);
    process.start();
    const auto client = process.serving_client();
    if (!client) {
        std::fputs(process.log().c_str(), stderr);
        return 1;
    }
    const auto soon = [] { return Deadline::in(20s); };
    const auto made = client->generate_key({{"ec", 1}, KeyAlgorithm::ec_p256, KeyUsage::sign}, soon()) &&
                      client->generate_key({{"rsa", 1}, KeyAlgorithm::rsa_2048, KeyUsage::sign}, soon()) &&
                      client->generate_key({{"mac", 1}, KeyAlgorithm::hmac_256, KeyUsage::mac}, soon());
    if (!made) return 1;
    const auto worker = static_cast<pid_t>(client->status(soon())->worker_pid);

    const SignRequest ec{KeyId{"ec", 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32, 7)};
    const SignRequest rsa{KeyId{"rsa", 1}, SignAlgorithm::rs256, KeyUsage::sign, Bytes(32, 7)};
    const MacRequest mac{KeyId{"mac", 1}, MacAlgorithm::hs256, Bytes(32, 7)};
    const Bench bench{*client, worker, seconds};
    for (const unsigned count : {1U, callers}) {
        bench.blocking("ES256", count, [&] { return client->sign(ec, soon()).has_value(); });
        bench.blocking("HS256", count, [&] { return client->mac(mac, soon()).has_value(); });
        bench.blocking("RS256", count, [&] { return client->sign(rsa, soon()).has_value(); });
    }
    bench.chained("ES256 async", callers,
                  [&](auto done) { client->sign_async(ec, soon(), std::move(done)); });
    bench.chained("HS256 async", callers,
                  [&](auto done) { client->mac_async(mac, soon(), std::move(done)); });
    // The worker must be gone from the token before it is measured alone.
    process.stop();
    char cases[64];
    std::snprintf(cases, sizeof(cases), "%.1f", seconds);
    const auto raw =
        process.run_command({"bench-raw", "--config", process.config().string(), "--seconds", cases,
                             "--threads", std::to_string(std::thread::hardware_concurrency()), "--case",
                             "ec:ES256", "--case", "mac:HS256", "--case", "rsa:RS256"});
    std::printf("raw: %s", raw.output.c_str());
    return 0;
}

}  // namespace
}  // namespace signet::testing

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: token_bench SIGNETD_TOKEN [CALLERS] [SECONDS]\n", stderr);
        return 64;
    }
    return signet::testing::bench(argc, argv);
}
