// How long an access token takes with few and with a million API users. Printed numbers, no verdict:
//   ninja -C build tests/api/momo_bench && build/tests/api/momo_bench
#include <algorithm>
#include <cstdio>
#include <fstream>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

void print(const char* what, std::uint64_t users, std::vector<double> times) {
    std::ranges::sort(times);
    const auto at = [&](double part) {
        return times[static_cast<std::size_t>(part * static_cast<double>(times.size() - 1))];
    };
    std::printf("%-28s %9llu users: median %7.0f us, p99 %7.0f us (%zu requests)\n", what,
                static_cast<unsigned long long>(users), at(0.5), at(0.99), times.size());
}

// Rows as the daemon writes them, in one go.
void fill(const Appliance& appliance, std::uint64_t users) {
    const auto script = appliance.scratch("fill.sql");
    std::ofstream(script)
        << "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " << users
        << ") INSERT INTO momo_users (id, merchant, callback_host, environment, created, created_by, "
           "key_id, key_mac, key_mac_version, key_created) SELECT printf('%08x-0000-4000-9000-%012x', "
           "(i * 2654435761) % 4294967296, i), 'shop' || (i % 1000), 'clinic.com', 'sandbox', 0, 'bench', "
           "'key' || i, randomblob(32), 1, 0 FROM n;\n"
           "INSERT INTO momo_tokens (user, product, id, key_id, issued, expires, digest, seal_label, "
           "seal_version, sealed) SELECT id, 'collection', key_id, key_id, 0, 9000000000000, "
           "randomblob(32), 'seal', 1, zeroblob(64) FROM momo_users WHERE created_by = 'bench';\n";
    const auto filled = run(
        {"/bin/sh", "-c", "sqlite3 " + appliance.path("data/signet.db").string() + " <" + script.string()},
        {}, std::chrono::minutes(10));
    if (filled.code != 0) throw std::runtime_error("sqlite3: " + filled.output);
}

void measure(std::uint64_t users) {
    Appliance appliance(Appliance::Options{.families = {"momo"}});
    appliance.stop();
    fill(appliance, users);
    appliance.edit("signetd.yaml", "per_caller: 60, per_account: 20", "per_caller: 1000, per_account: 1000");
    appliance.start();
    const auto subscription =
        expect_json(appliance.admin({.verb = "POST",
                                     .target = "/v1/momo/subscriptions",
                                     .body = R"({"merchant":"shop","product":"collection"})"}),
                    201);
    const auto subscription_key = "Ocp-Apim-Subscription-Key: " + text(subscription, "primary_key");
    const std::string id = "c72025f5-5cd1-4630-99e4-8ba4722fad56";
    HttpConnection connection(appliance.api_socket());
    const auto send = [&](const std::string& target, std::vector<std::string> headers,
                          const std::string& body = {}) {
        headers.push_back(subscription_key);
        return connection.send(
            {.verb = "POST", .target = target, .body = body, .headers = std::move(headers)});
    };
    EXPECT_EQ(
        send("/v1_0/apiuser", {"X-Reference-Id: " + id}, R"({"providerCallbackHost":"clinic.com"})").status,
        201);
    std::vector<double> first;
    std::vector<double> again;
    for (int round = 0; round < 100; ++round) {
        // A new key ends the token before, so that the next one is made anew.
        const auto key = text(expect_json(send("/v1_0/apiuser/" + id + "/apikey", {}), 201), "apiKey");
        const auto basic = "Authorization: Basic " + to_base64(as_bytes(id + ":" + key));
        for (int i = 0; i < 6; ++i) {
            const auto start = Clock::now();
            const auto answer = send("/collection/token/", {basic});
            (i == 0 ? first : again).push_back(Microseconds(Clock::now() - start).count());
            EXPECT_EQ(answer.status, 200) << answer.body;
        }
    }
    print("a new token", users, first);
    print("the same token again", users, again);
}

TEST(MomoBench, TokensWithFewAndWithAMillionUsers) {
    measure(10);
    measure(1'000'000);
}

}  // namespace
}  // namespace signet::testing
