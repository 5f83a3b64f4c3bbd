#include "daemon/ctl/metrics_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace signet::ctl {
namespace {

TEST(MetricsText, ReadsNamesLabelsAndValues) {
    const auto samples = parse_metrics(
        "# HELP a what\n# TYPE a counter\na 1\nb{x=\"1\",y=\"a \\\"b\\\" \\\\ \\n\"} 2.5e3\nc "
        "NaN\nd{le=\"+Inf\"} +Inf 1700000000\n");
    ASSERT_EQ(samples.size(), 4U);
    EXPECT_EQ(samples[0].name, "a");
    EXPECT_EQ(samples[0].value, 1);
    EXPECT_EQ(samples[1].label("y"), "a \"b\" \\ \n");
    EXPECT_EQ(samples[1].value, 2500);
    EXPECT_TRUE(std::isnan(samples[2].value));
    EXPECT_TRUE(std::isinf(samples[3].value));
}

TEST(MetricsText, PassesOverWhatItDoesNotUnderstand) {
    const auto samples = parse_metrics("a\n{x=\"1\"} 1\nb{x=\"1 2\nc{x=1} 1\nd x\n\ne 7");
    ASSERT_EQ(samples.size(), 2U);  // a sample without a name, and e
    EXPECT_EQ(samples[1].name, "e");
    EXPECT_TRUE(std::isnan(value_of(samples, "d")));
}

constexpr const char* kBefore =
    "signet_requests_total{route=\"POST /sign\",permission=\"keys.sign\",status=\"200\"} 100\n"
    "signet_requests_total{route=\"POST /sign\",permission=\"keys.sign\",status=\"503\"} 5\n"
    "signet_request_seconds_bucket{route=\"POST /sign\",le=\"0.001\"} 50\n"
    "signet_request_seconds_bucket{route=\"POST /sign\",le=\"0.01\"} 105\n"
    "signet_request_seconds_bucket{route=\"POST /sign\",le=\"+Inf\"} 105\n"
    "signet_refused_total{reason=\"rate\"} 4\n"
    "signet_audit_records_total 1000\n";
constexpr const char* kAfter =
    "signet_requests_total{route=\"POST /sign\",permission=\"keys.sign\",status=\"200\"} 300\n"
    "signet_requests_total{route=\"POST /sign\",permission=\"keys.sign\",status=\"503\"} 15\n"
    "signet_requests_total{route=\"GET /keys\",permission=\"keys.list\",status=\"403\"} 2\n"
    "signet_request_seconds_bucket{route=\"POST /sign\",le=\"0.001\"} 150\n"
    "signet_request_seconds_bucket{route=\"POST /sign\",le=\"0.01\"} 315\n"
    "signet_request_seconds_bucket{route=\"POST /sign\",le=\"+Inf\"} 315\n"
    "signet_refused_total{reason=\"rate\"} 4\n"
    "signet_audit_records_total 1200\n";

TEST(MetricsText, TurnsTwoScrapesIntoRates) {
    const auto seen = activity(parse_metrics(kBefore), parse_metrics(kAfter), 2);
    ASSERT_EQ(seen.operations.size(), 2U);
    EXPECT_EQ(seen.operations[0].route, "POST /sign");
    EXPECT_DOUBLE_EQ(seen.operations[0].per_second, 105);
    EXPECT_DOUBLE_EQ(seen.operations[0].failed_per_second, 5);
    // 210 requests: 100 up to 1 ms, 110 from there to 10 ms; the 105th is 5/110 into the second bucket.
    EXPECT_NEAR(seen.operations[0].p50, 0.001 + 0.009 * 5 / 110, 1e-9);
    EXPECT_DOUBLE_EQ(seen.operations[1].refused_per_second, 1);
    EXPECT_TRUE(std::isnan(seen.operations[1].p99));
    EXPECT_DOUBLE_EQ(seen.total_per_second, 106);
    EXPECT_DOUBLE_EQ(seen.audit_per_second, 100);
    EXPECT_TRUE(seen.refusals.empty());
}

TEST(MetricsText, CountsARestartedDaemonFromZero) {
    const auto seen = activity(parse_metrics(kAfter), parse_metrics(kBefore), 1);
    ASSERT_EQ(seen.operations.size(), 1U);
    EXPECT_DOUBLE_EQ(seen.operations[0].per_second, 105);
}

TEST(MetricsText, FindsQuantilesAtTheEdges) {
    using Buckets = std::vector<std::pair<double, double>>;
    const auto infinity = std::numeric_limits<double>::infinity();
    EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
    EXPECT_TRUE(std::isnan(quantile(Buckets{{1, 0}, {infinity, 0}}, 0.5)));
    EXPECT_DOUBLE_EQ(quantile(Buckets{{1, 0}, {2, 10}, {infinity, 10}}, 0.5), 1.5);
    // Beyond the last bound nothing is known but the bound.
    EXPECT_DOUBLE_EQ(quantile(Buckets{{1, 0}, {2, 1}, {infinity, 10}}, 0.99), 2);
}

}  // namespace
}  // namespace signet::ctl
