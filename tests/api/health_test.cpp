#include "tests/api/json.h"
#include "tests/support/node.h"

namespace signet::testing {
namespace {

TEST(Health, LiveReadyMetricsAndDescription) {
    const Appliance appliance;
    EXPECT_EQ(appliance.get("/v1/health/live").status, 200);
    expect_json(appliance.get("/v1/health/ready"));
    EXPECT_EQ(appliance.admin({.target = "/v1/health/live"}).status, 200);

    const auto metrics = appliance.get("/v1/metrics");
    EXPECT_EQ(metrics.status, 200);
    EXPECT_NE(metrics.body.find("signet_requests_total"), std::string::npos);

    const auto description = expect_json(appliance.get("/v1/openapi.json"));
    EXPECT_TRUE(text(description, "openapi").starts_with("3."));
    EXPECT_TRUE(description.at("paths").as_object().contains("/v1/keys/{label}/sign"));
}

TEST(Health, SomebodyElsesValidatorTakesTheOpenApiDocument) {
    const Appliance appliance;
    const auto document = appliance.get("/v1/openapi.json");
    ASSERT_EQ(document.status, 200);
    const auto seen = run_node("openapi.mjs", {}, document.body);
    if (!seen) GTEST_SKIP() << kNoNpmPackages;
    EXPECT_EQ(seen->code, 0) << seen->output;
    EXPECT_EQ(seen->output, "OpenAPI 3.1\n");
}

TEST(Health, UnknownPathsAndVerbsAreProblems) {
    const Appliance appliance;
    expect_problem(appliance.get("/v1/nothing"), 404, "not_found");
    const auto answer = HttpConnection(appliance.api_socket()).send({.verb = "DELETE", .target = "/v1/keys"});
    EXPECT_TRUE(answer.status == 404 || answer.status == 405) << answer.status;
}

}  // namespace
}  // namespace signet::testing
