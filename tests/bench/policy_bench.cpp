// CPU nanoseconds of a policy decision with 50 rules, where the last one matches.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>

#include "policy/policy.h"
#include "policy/rate_limiter.h"

int main() {
    using namespace signet;
    using namespace signet::policy;
    std::string text = "principals:\n";
    for (int i = 0; i < 20; ++i)
        text += "  p" + std::to_string(i) + ": { users: [" + std::to_string(i) + "] }\n";
    text += "rules:\n";
    for (int i = 0; i < 49; ++i)
        text += "  - { name: r" + std::to_string(i) + ", allow: [p" + std::to_string(i % 20) +
                "], permissions: [keys.sign], keys: [\"other" + std::to_string(i) + ".*\"] }\n";
    text +=
        "  - { name: last, allow: [p7], permissions: [keys.sign], keys: [\"document.*\"], algorithms: "
        "[RS256, ES256], "
        "rate: 1000000/1s }\n";
    const auto policy = Policy::parse(text, "bench.yaml");
    if (!policy) return 1;
    const Query query{.principals = {"p7"},
                      .permission = "keys.sign",
                      .key = "document.signing",
                      .algorithm = "ES256",
                      .now = SystemClock().now()};
    constexpr int kRounds = 1'000'000;
    const auto measure = [&](const char* what, auto once) {
        const auto start = std::clock();
        int allowed = 0;
        for (int i = 0; i < kRounds; ++i)
            allowed += once() ? 1 : 0;
        const double ns = static_cast<double>(std::clock() - start) * 1e9 / CLOCKS_PER_SEC / kRounds;
        std::printf("%-10s %6.0f ns (%d allowed)\n", what, ns, allowed);
    };
    RateLimiter limiter;
    measure("evaluate", [&] { return (*policy)->evaluate(query).allowed; });
    const auto& rule = (*policy)->rules().back();
    measure("rate", [&] { return limiter.take(rule, "p7", std::chrono::steady_clock::now()).has_value(); });
}
