// What takes long: many keys, a filled database, memory that must not grow. Times are printed, never asserted tightly.
#include <cstdio>
#include <fstream>
#include <functional>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

std::uint64_t resident_kib(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6));
    }
    return 0;
}

std::chrono::milliseconds timed(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
}

TEST(Soak, AThousandKeysAndStillQuicklyReady) {
    Appliance appliance;
    HttpConnection admin(appliance.admin_socket());
    for (int i = 0; i < 1000; ++i) {
        const auto made = admin.send({.verb = "POST",
                                      .target = "/v1/keys",
                                      .body = R"({"label":"many.k)" + std::to_string(i) +
                                              R"(","algorithm":"ec-p256","usages":["sign"]})"});
        ASSERT_EQ(made.status, 201) << made.body;
    }
    ASSERT_EQ(appliance.stop(), 0);
    const auto took = timed([&] { appliance.start(); });
    std::printf("start to ready with 1,010 keys: %lld ms\n", static_cast<long long>(took.count()));
    EXPECT_LT(took, std::chrono::seconds(20));
    EXPECT_EQ(appliance.post("/v1/keys/many.k999/sign", sign_body("ES256", "x")).status, 200);
}

TEST(Soak, AFilledDatabaseAndMemoryThatStays) {
    Appliance appliance;
    // The bench is the fastest way to fill the chain.
    const auto fill = [&](const char* seconds) {
        const auto bench = appliance.ctl({"--json", "bench", "--connections", "32", "--seconds", seconds});
        EXPECT_EQ(bench.code, 0) << bench.output;
    };
    fill("10");
    const auto daemon_before = resident_kib(appliance.daemon_pid());
    const auto worker_before = resident_kib(appliance.worker_pid());
    fill("60");
    const auto daemon_after = resident_kib(appliance.daemon_pid());
    const auto worker_after = resident_kib(appliance.worker_pid());
    std::printf("resident: signetd %llu to %llu KiB, worker %llu to %llu KiB\n",
                static_cast<unsigned long long>(daemon_before), static_cast<unsigned long long>(daemon_after),
                static_cast<unsigned long long>(worker_before),
                static_cast<unsigned long long>(worker_after));
    EXPECT_LT(daemon_after, daemon_before + 64 * 1024);
    EXPECT_LT(worker_after, worker_before + 64 * 1024);

    Ended verified;
    const auto took = timed([&] { verified = appliance.ctl({"--json", "audit", "verify"}); });
    EXPECT_EQ(verified.code, 0) << verified.output;
    std::printf("verified %s records in %lld ms\n", text(parse_json(verified.output), "records").c_str(),
                static_cast<long long>(took.count()));

    ASSERT_EQ(appliance.stop(), 0);
    const auto start = timed([&] { appliance.start(); });
    std::printf("start to ready with that database: %lld ms\n", static_cast<long long>(start.count()));
    EXPECT_EQ(appliance.ctl({"backup", "database", appliance.scratch("copy.db").string()}).code, 0);
    EXPECT_EQ(appliance.ctl({"audit", "export", appliance.scratch("all.jsonl").string()}).code, 0);
    EXPECT_EQ(appliance.ctl({"audit", "verify", appliance.scratch("all.jsonl").string()}).code, 0);
}

}  // namespace
}  // namespace signet::testing
