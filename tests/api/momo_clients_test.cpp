// MTN MoMo with other clients and other settings: npm's mtn-momo, merchants outside the sandbox, and those who guess.
#include "tests/api/json.h"
#include "tests/support/node.h"

namespace signet::testing {
namespace {

std::string basic(std::string_view user, std::string_view key) {
    return "Authorization: Basic " + to_base64(as_bytes(std::string(user) + ":" + std::string(key)));
}

// npm's mtn-momo, unmodified, over TLS and without a client certificate.
TEST(MomoClients, MtnMomoRunsFromUserCreationToBalance) {
    Appliance appliance(Appliance::Options{.tls = true, .start = false, .families = {"momo"}});
    appliance.edit("signetd.yaml", "client_ca: tls/clients.pem }",
                   "client_certificate: none }\n    anonymous: true\n"
                   "    permits: [momo.provision, momo.token, momo.balance, momo.jwks]");
    appliance.start();
    std::string keys;
    for (const auto* product : {"collection", "disbursement"}) {
        const auto made = expect_json(
            appliance.admin({.verb = "POST",
                             .target = "/v1/momo/subscriptions",
                             .body = R"({"merchant":"shop","product":")" + std::string(product) + "\"}"}),
            201);
        keys += text(made, "primary_key") + "\n";
    }
    const auto ran = run_node("momo.mjs",
                              {"https://localhost:" + std::to_string(appliance.tls_port()),
                               appliance.path("tls/clients.pem").string()},
                              keys);
    if (!ran) GTEST_SKIP() << kNoNpmPackages;
    ASSERT_EQ(ran->code, 0) << ran->output;
    const auto seen = parse_json(ran->output);
    for (const auto* member : {"collection", "again", "disbursement"})
        EXPECT_EQ(json::serialize(seen.at(member)), R"({"availableBalance":"1000","currency":"EUR"})")
            << member;
    EXPECT_TRUE(seen.at("wrong").is_string()) << "a wrong API key is refused: " << ran->output;
    // The one token of each product, and nothing of the second balance.
    const auto records = expect_json(appliance.get("/v1/audit?limit=1000&action=momo.token"));
    EXPECT_EQ(records.at("records").as_array().size(), 3U) << "two tokens and one refusal";
    // Strangers get no further than what the listener permits.
    HttpConnection stranger;
    EXPECT_EQ(stranger
                  .send({.verb = "POST",
                         .target = "/v1/momo/introspect",
                         .body = "token=a",
                         .content_type = "application/x-www-form-urlencoded",
                         .url_base = "https://localhost:" + std::to_string(appliance.tls_port()),
                         .ca_file = appliance.path("tls/clients.pem")})
                  .status,
              404);
}

TEST(MomoMerchants, OutsideTheSandboxAMerchantHasItsOwn) {
    Appliance appliance(Appliance::Options{.start = false, .families = {"momo"}});
    appliance.edit("signetd.yaml", "sandbox: true ", "target_environment: mtnuganda ");
    appliance.start();
    // The tests' own user is `operator` here.
    const auto subscribe = [&](const std::string& merchant) {
        return "Ocp-Apim-Subscription-Key: " +
               text(expect_json(appliance.admin(
                                    {.verb = "POST",
                                     .target = "/v1/momo/subscriptions",
                                     .body = R"({"merchant":")" + merchant + R"(","product":"collection"})"}),
                                201),
                    "primary_key");
    };
    const std::string id = "c72025f5-5cd1-4630-99e4-8ba4722fad56";
    const auto make = [&](const std::string& key) {
        return appliance.post("/v1_0/apiuser", R"({"providerCallbackHost":"clinic.com"})",
                              {key, "X-Reference-Id: " + id});
    };
    const auto refused = make(subscribe("somebody-else"));
    EXPECT_EQ(refused.status, 401);
    EXPECT_EQ(number(parse_json(refused.body), "statusCode"), 401U);
    const auto mine = subscribe("operator");
    EXPECT_EQ(make(mine).status, 201);
    HttpConnection connection(appliance.api_socket());
    const auto details = connection.send({.target = "/v1_0/apiuser/" + id, .headers = {mine}});
    EXPECT_EQ(text(expect_json(details), "targetEnvironment"), "mtnuganda");
}

TEST(MomoGuesses, AreSlowedDown) {
    Appliance appliance(Appliance::Options{.start = false, .families = {"momo"}});
    appliance.edit("signetd.yaml", "{ per_caller: 60, per_account: 20 }",
                   "{ per_caller: 100, per_account: 3 }");
    appliance.start();
    const auto subscription =
        expect_json(appliance.admin({.verb = "POST",
                                     .target = "/v1/momo/subscriptions",
                                     .body = R"({"merchant":"shop","product":"collection"})"}),
                    201);
    const auto key = "Ocp-Apim-Subscription-Key: " + text(subscription, "primary_key");
    const std::string nobody = "11111111-1111-4111-8111-111111111111";
    const auto guess = [&](const std::string& id) {
        return appliance.post("/collection/token/", "", {key, basic(id, "0000")});
    };
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(guess(nobody).status, 401);
    const auto refused = guess(nobody);
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.body, R"({"error":"too_many_requests"})");
    EXPECT_TRUE(refused.headers.contains("retry-after"));
    EXPECT_EQ(guess("22222222-2222-4222-8222-222222222222").status, 401)
        << "another account is another matter";
}

}  // namespace
}  // namespace signet::testing
