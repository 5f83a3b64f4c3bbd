// MTN MoMo against the built daemon: the document's operations, its errors, and what happens to tokens.

#include <set>

#include "hsm/pki/jws.h"
#include "tests/api/json.h"

namespace signet::testing {
namespace {

constexpr std::string_view kUser = "c72025f5-5cd1-4630-99e4-8ba4722fad56";

std::string basic(std::string_view user, std::string_view key) {
    return "Authorization: Basic " + to_base64(as_bytes(std::string(user) + ":" + std::string(key)));
}

class Momo : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        appliance = std::make_unique<Appliance>(Appliance::Options{.families = {"momo"}});
        collection = subscribe("shop", "collection");
        disbursement = subscribe("shop", "disbursement");
        stranger = subscribe("rival", "collection");
    }
    static void TearDownTestSuite() { appliance.reset(); }

    static json::value subscribe(const std::string& merchant, const std::string& product) {
        return expect_json(
            appliance->admin({.verb = "POST",
                              .target = "/v1/momo/subscriptions",
                              .body = R"({"merchant":")" + merchant + R"(","product":")" + product + "\"}"}),
            201);
    }
    static HttpAnswer ask(std::string verb, std::string target, std::vector<std::string> headers = {},
                          std::string body = {}) {
        HttpConnection connection(appliance->api_socket());
        return connection.send({.verb = std::move(verb),
                                .target = std::move(target),
                                .body = std::move(body),
                                .headers = std::move(headers)});
    }
    static std::string key_header(const json::value& subscription, std::string_view slot = "primary_key") {
        return "Ocp-Apim-Subscription-Key: " + text(subscription, slot);
    }
    // A new API user of the shop with a key.
    struct User {
        std::string id;
        std::string key;
    };
    static User make_user() {
        static int count = 0;
        const auto digits = std::to_string(++count);
        auto id = "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits;
        EXPECT_EQ(ask("POST", "/v1_0/apiuser", {key_header(collection), "X-Reference-Id: " + id},
                      R"({"providerCallbackHost":"clinic.com"})")
                      .status,
                  201);
        const auto key =
            expect_json(ask("POST", "/v1_0/apiuser/" + id + "/apikey", {key_header(collection)}), 201);
        return {id, text(key, "apiKey")};
    }
    static HttpAnswer get_token(const User& user, const std::string& path = "/collection/token/",
                                const json::value& subscription = collection) {
        return ask("POST", path, {key_header(subscription), basic(user.id, user.key)});
    }
    static std::string token_of(const User& user) {
        return text(expect_json(get_token(user)), "access_token");
    }
    static HttpAnswer balance(const std::string& token,
                              const std::string& path = "/collection/v1_0/account/balance") {
        return ask(
            "GET", path,
            {key_header(collection), "Authorization: Bearer " + token, "X-Target-Environment: sandbox"});
    }
    static json::value introspect(const std::string& token) {
        HttpConnection connection(appliance->api_socket());
        return expect_json(connection.send({.verb = "POST",
                                            .target = "/v1/momo/introspect",
                                            .body = "token=" + token,
                                            .content_type = "application/x-www-form-urlencoded"}));
    }

    static std::unique_ptr<Appliance> appliance;
    static json::value collection, disbursement, stranger;
};
std::unique_ptr<Appliance> Momo::appliance;
json::value Momo::collection, Momo::disbursement, Momo::stranger;

TEST_F(Momo, TheDocumentsExampleRuns) {
    const auto created =
        ask("POST", "/apiuser", {key_header(collection), "X-Reference-Id: " + std::string(kUser)},
            R"({"providerCallbackHost": "clinic.com"})");
    EXPECT_EQ(created.status, 201) << created.body;
    EXPECT_EQ(created.body, "");
    const auto path = "/apiuser/" + std::string(kUser);
    const auto key = expect_json(ask("POST", path + "/apikey", {key_header(collection)}), 201);
    const auto api_key = text(key, "apiKey");
    EXPECT_EQ(api_key.size(), 32U);
    EXPECT_EQ(api_key.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_EQ(key.as_object().size(), 1U);
    const auto details = ask("GET", path, {key_header(collection, "secondary_key")});
    EXPECT_EQ(details.status, 200);
    EXPECT_EQ(details.body, R"({"providerCallbackHost":"clinic.com","targetEnvironment":"sandbox"})");

    const auto answer = expect_json(get_token({std::string(kUser), api_key}));
    EXPECT_EQ(text(answer, "token_type"), "access_token");
    EXPECT_EQ(number(answer, "expires_in"), 3600U);
    const auto paid = balance(text(answer, "access_token"));
    EXPECT_EQ(paid.status, 200);
    EXPECT_EQ(paid.body, R"({"availableBalance":"1000","currency":"EUR"})");

    const auto again =
        ask("POST", "/v1_0/apiuser", {key_header(collection), "X-Reference-Id: " + std::string(kUser)},
            R"({"providerCallbackHost": "clinic.com"})");
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(
        again.body,
        R"({"code":"RESOURCE_ALREADY_EXIST","message":"Duplicated reference id. Creation of resource failed."})");
}

TEST_F(Momo, TokenBodiesAndPathsOfRealClients) {
    const auto user = make_user();
    std::set<std::string> tokens;
    for (const auto* path :
         {"/collection/token/", "/collection/token", "/v1_0/collection/token/", "/collection/v1_0/token/"})
        tokens.insert(text(expect_json(get_token(user, path)), "access_token"));
    HttpConnection connection(appliance->api_socket());
    for (const auto& [type, body] : {std::pair{"application/json", "{}"},
                                     {"application/x-www-form-urlencoded", "grant_type=client_credentials"},
                                     {"text/plain", ""}}) {
        tokens.insert(
            text(expect_json(connection.send({.verb = "POST",
                                              .target = "/collection/token/",
                                              .body = body,
                                              .headers = {key_header(collection), basic(user.id, user.key)},
                                              .content_type = type})),
                 "access_token"));
    }
    EXPECT_EQ(tokens.size(), 1U) << "the same token is returned until it expires";
    const auto other =
        text(expect_json(get_token(user, "/disbursement/token/", disbursement)), "access_token");
    EXPECT_FALSE(tokens.contains(other));
    EXPECT_EQ(ask("GET", "/disbursement/v1_0/account/balance",
                  {key_header(disbursement), "Authorization: Bearer " + other})
                  .status,
              200);
    EXPECT_EQ(balance(other).status, 401) << "a token is for one product";
}

TEST_F(Momo, AWalletVerifiesATokenByItself) {
    const auto user = make_user();
    const auto token = token_of(user);
    const auto keys = expect_json(ask("GET", "/.well-known/jwks.json"));
    const auto& jwk = keys.at("keys").as_array().at(0);
    EXPECT_EQ(text(jwk, "kid"), "momo.token/1");
    EXPECT_EQ(text(jwk, "use"), "sig");
    EXPECT_EQ(text(jwk, "alg"), "ES256");
    // The JWK is the key that the appliance shows, and the token is signed by it.
    const auto shown = expect_json(appliance->get("/v1/keys/momo.token"));
    const auto key = pki::PublicKey::from_pem(text(shown, "public_key"));
    ASSERT_TRUE(key);
    const auto own = parse_json(key->jwk());
    EXPECT_EQ(text(own, "x"), text(jwk, "x"));
    EXPECT_EQ(text(own, "y"), text(jwk, "y"));
    const std::vector allowed{SignAlgorithm::es256};
    const auto jws = pki::verify_jws(token, *key, allowed);
    ASSERT_TRUE(jws) << jws.error().message;
    EXPECT_EQ(jws->header.key_id, "momo.token/1");
    const auto claims = parse_json(std::string(as_text(jws->payload)));
    EXPECT_EQ(text(claims, "sub"), user.id);
    EXPECT_EQ(text(claims, "aud"), "collection");
    EXPECT_EQ(text(claims, "iss"), "signet");
    EXPECT_EQ(number(claims, "exp"), number(claims, "iat") + 3600);
}

TEST_F(Momo, IntrospectionAndForwardAuthSeeRevocations) {
    auto user = make_user();
    const auto token = token_of(user);
    const auto active = introspect(token);
    EXPECT_EQ(text(active, "active"), "true");
    EXPECT_EQ(text(active, "sub"), user.id);
    EXPECT_EQ(text(active, "merchant"), "shop");
    const auto passed = ask("GET", "/v1/momo/auth?product=collection", {"Authorization: Bearer " + token});
    EXPECT_EQ(passed.status, 204);
    EXPECT_EQ(passed.headers.at("x-momo-user"), user.id);
    EXPECT_EQ(ask("GET", "/v1/momo/auth?product=remittance", {"Authorization: Bearer " + token}).status, 401);
    EXPECT_EQ(ask("GET", "/v1/momo/auth?product=cards", {"Authorization: Bearer " + token}).status, 400);
    EXPECT_EQ(ask("GET", "/v1/momo/auth", {"Authorization: Bearer " + token, key_header(stranger)}).status,
              401)
        << "a subscription of somebody else";

    // A new key ends the earlier one and its token.
    const auto earlier = user.key;
    user.key =
        text(expect_json(ask("POST", "/v1_0/apiuser/" + user.id + "/apikey", {key_header(collection)}), 201),
             "apiKey");
    EXPECT_EQ(text(introspect(token), "active"), "false");
    EXPECT_EQ(introspect(token).as_object().size(), 1U);
    EXPECT_EQ(ask("GET", "/v1/momo/auth", {"Authorization: Bearer " + token}).status, 401);
    EXPECT_EQ(balance(token).status, 401);
    EXPECT_EQ(get_token({user.id, earlier}).status, 401);
    const auto second = token_of(user);
    EXPECT_NE(second, token);
    EXPECT_EQ(balance(second).status, 200);

    EXPECT_EQ(ask("DELETE", "/v1_0/apiuser/" + user.id + "/apikey", {key_header(collection)}).status, 204);
    EXPECT_EQ(balance(second).status, 401);
    user.key =
        text(expect_json(ask("POST", "/v1_0/apiuser/" + user.id + "/apikey", {key_header(collection)}), 201),
             "apiKey");
    const auto third = token_of(user);
    EXPECT_EQ(ask("DELETE", "/apiuser/" + user.id, {key_header(collection)}).status, 204);
    EXPECT_EQ(balance(third).status, 401);
    EXPECT_EQ(get_token(user).status, 401);
    EXPECT_EQ(ask("GET", "/apiuser/" + user.id, {key_header(collection)}).status, 404);
    EXPECT_EQ(ask("POST", "/apiuser/" + user.id + "/apikey", {key_header(collection)}).status, 404);
}

TEST_F(Momo, RefusalsTellNothing) {
    const auto user = make_user();
    // The gateway's shape, whatever the route.
    for (const auto* path : {"/v1_0/apiuser", "/collection/token/"}) {
        const auto missing = ask("POST", path, {}, "{}");
        EXPECT_EQ(missing.status, 401) << path;
        EXPECT_EQ(
            missing.body,
            R"({"statusCode":401,"message":"Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API."})");
        const auto wrong =
            ask("POST", path, {"Ocp-Apim-Subscription-Key: 00112233445566778899aabbccddeeff"}, "{}");
        EXPECT_EQ(wrong.status, 401);
        EXPECT_EQ(number(parse_json(wrong.body), "statusCode"), 401U);
    }
    // A key of another product is none.
    EXPECT_EQ(number(expect_json(get_token(user, "/collection/token/", disbursement), 401), "statusCode"),
              401U);
    // A wrong key, an unknown user, somebody else's subscription, no credentials: one answer.
    const auto expected = R"({"error":"login_failed"})";
    const std::string nobody = "11111111-1111-4111-8111-111111111111";
    std::vector<HttpAnswer> answers{
        get_token({user.id, std::string(32, '0')}),
        get_token({nobody, user.key}),
        get_token(user, "/collection/token/", stranger),
        get_token({"admin", "admin"}),
        ask("POST", "/collection/token/", {key_header(collection)}),
        ask("POST", "/collection/token/", {key_header(collection), "Authorization: Basic !!!!"}),
        ask("POST", "/collection/token/", {key_header(collection), "Authorization: Bearer abc"})};
    for (const auto& answer : answers) {
        EXPECT_EQ(answer.status, 401);
        EXPECT_EQ(answer.body, expected);
        EXPECT_EQ(answer.headers.at("www-authenticate"), "Basic realm=\"momo\"");
    }
    // Another merchant's user is one that does not exist.
    const auto hidden = ask("GET", "/v1_0/apiuser/" + user.id, {key_header(stranger)});
    const auto absent = ask("GET", "/v1_0/apiuser/" + nobody, {key_header(stranger)});
    EXPECT_EQ(hidden.status, 404);
    EXPECT_EQ(hidden.body, absent.body);
    EXPECT_EQ(hidden.body, R"({"code":"RESOURCE_NOT_FOUND","message":"Requested resource was not found."})");
    EXPECT_EQ(ask("DELETE", "/v1_0/apiuser/" + user.id, {key_header(stranger)}).status, 404);
    EXPECT_EQ(ask("POST", "/v1_0/apiuser/" + user.id + "/apikey", {key_header(stranger)}).status, 404);
    // Bad requests.
    for (const auto& [reference, body] :
         {std::pair<std::string, std::string>{"X-Reference-Id: 12",
                                              R"({"providerCallbackHost":"clinic.com"})"},
          {"X-Other: 1", R"({"providerCallbackHost":"clinic.com"})"},
          {"X-Reference-Id: " + nobody, R"({"providerCallbackHost":"https://clinic.com/"})"},
          {"X-Reference-Id: " + nobody, R"({"providerCallbackHost":""})"},
          {"X-Reference-Id: " + nobody, R"({})"},
          {"X-Reference-Id: " + nobody, "nonsense"}}) {
        const auto answer =
            expect_json(ask("POST", "/v1_0/apiuser", {key_header(collection), reference}, body), 400);
        EXPECT_EQ(text(answer, "code"), "BAD_REQUEST") << body;
    }
    EXPECT_EQ(ask("GET", "/v1_0/apiuser/nonsense", {key_header(collection)}).status, 400);
    EXPECT_EQ(ask("GET", "/v1_0/apiuser/" + nobody, {key_header(collection)}).status, 404);
    // A bearer that is nothing of ours.
    for (const auto* token : {"abc", "a.b.c", ""}) {
        const auto answer = balance(token);
        EXPECT_EQ(answer.status, 401);
        EXPECT_EQ(answer.body, R"({"error":"invalid_token"})");
    }
}

TEST_F(Momo, ATokenSignedByTheSameKeyIsNoneUnlessItWasIssued) {
    const auto user = make_user();
    const auto token = token_of(user);
    const auto dot = token.rfind('.');
    auto forged = token;
    forged[dot + 5] = forged[dot + 5] == 'A' ? 'B' : 'A';
    EXPECT_EQ(text(introspect(forged), "active"), "false");
    // Whoever may sign with the key makes no token by it.
    const auto payload = token.substr(token.find('.') + 1, dot - token.find('.') - 1);
    const auto made = expect_json(appliance->post(
        "/v1/keys/momo.token/jws",
        R"({"payload":")" + to_base64(from_base64url(payload).value()) + R"(","typ":"JWT"})"));
    EXPECT_EQ(text(introspect(text(made, "jws")), "active"), "false");
    EXPECT_EQ(text(introspect(token), "active"), "true");
}

TEST_F(Momo, SubscriptionKeysAreRotatedOneAtATime) {
    const auto mine = subscribe("shop", "collection");
    const auto id = text(mine, "id");
    const auto works = [](const std::string& key) {
        return ask("GET", "/v1_0/apiuser/11111111-1111-4111-8111-111111111111",
                   {"Ocp-Apim-Subscription-Key: " + key})
                   .status == 404;
    };
    EXPECT_TRUE(works(text(mine, "primary_key")));
    EXPECT_TRUE(works(text(mine, "secondary_key")));
    const auto rotated = appliance->ctl({"momo", "rotate", id, "primary", "--json"});
    ASSERT_EQ(rotated.code, 0) << rotated.output;
    const auto fresh = text(parse_json(rotated.output), "key");
    EXPECT_FALSE(works(text(mine, "primary_key")));
    EXPECT_TRUE(works(text(mine, "secondary_key")));
    EXPECT_TRUE(works(fresh));
    EXPECT_EQ(appliance->ctl({"momo", "unsubscribe", id}).code, 0);
    EXPECT_FALSE(works(fresh));
    EXPECT_FALSE(works(text(mine, "secondary_key")));
    EXPECT_NE(appliance->ctl({"momo", "rotate", id, "secondary"}).code, 0);
}

TEST_F(Momo, SignetctlAdministersUsers) {
    const auto made = appliance->ctl({"momo", "create-user", "shop", "Clinic.COM:8443"});
    ASSERT_EQ(made.code, 0) << made.output;
    const auto id = made.output.substr(0, 36);
    const auto shown = appliance->ctl({"momo", "create-key", id, "--json"});
    ASSERT_EQ(shown.code, 0) << shown.output;
    const User user{id, text(parse_json(shown.output), "api_key")};
    const auto token = token_of(user);
    EXPECT_NE(appliance->ctl({"momo", "users", "--merchant", "shop"}).output.find("clinic.com:8443"),
              std::string::npos);
    EXPECT_EQ(appliance->ctl({"momo", "revoke-key", id}).code, 0);
    EXPECT_EQ(text(introspect(token), "active"), "false");
    EXPECT_EQ(appliance->ctl({"momo", "revoke-user", id}).code, 0);
    EXPECT_NE(appliance->ctl({"momo", "create-key", id}).code, 0);
    // Each step has its record, and no record holds a secret.
    const auto records = appliance->get("/v1/audit?limit=1000&object=momo/user/" + id);
    EXPECT_EQ(records.body.find(user.key), std::string::npos);
    std::vector<std::string> changes;
    const auto document = expect_json(records);
    for (const auto& record : document.at("records").as_array())
        changes.push_back(text(record, "action") + " " + text(record.at("details"), "change"));
    EXPECT_EQ(changes,
              (std::vector<std::string>{"momo.manage create_user", "momo.manage create_key", "momo.token ",
                                        "momo.manage revoke_key", "momo.manage revoke_user"}));
}

TEST_F(Momo, SecretsAreNeitherInTheDatabaseNorInTheLog) {
    const auto user = make_user();
    const auto token = token_of(user);
    const auto dump = run({"/usr/bin/sqlite3", appliance->path("data/signet.db").string(), ".dump"}, {},
                          std::chrono::seconds(60));
    ASSERT_NE(dump.output.find(user.id), std::string::npos);
    for (const auto& secret : {user.key, token, text(collection, "primary_key")}) {
        EXPECT_EQ(dump.output.find(secret), std::string::npos);
        EXPECT_EQ(dump.output.find(to_hex(as_bytes(secret))), std::string::npos);
        EXPECT_EQ(appliance->log().find(secret), std::string::npos);
    }
}

TEST_F(Momo, ATokenOutlivesARestart) {
    const auto user = make_user();
    const auto token = token_of(user);
    appliance->kill_daemon();
    appliance->start();
    EXPECT_EQ(token_of(user), token);
    EXPECT_EQ(balance(token).status, 200);
}

TEST_F(Momo, CallbacksGoToTheRegisteredHostOnly) {
    const auto user = make_user();
    const auto callback = [&](const std::string& url) {
        return appliance->post("/v1/momo/callbacks", R"({"user":")" + user.id + R"(","url":")" + url +
                                                         R"(","body":{"status":"SUCCESSFUL"}})");
    };
    expect_problem(callback("https://evil.example/paid"), 422, "unprocessable");
    expect_problem(callback("https://clinic.com.evil.example/paid"), 422, "unprocessable");
    expect_problem(callback("https://clinic.com:8443/paid"), 422, "unprocessable");
    expect_problem(callback("ftp://clinic.com/paid"), 400, "invalid_argument");
    expect_problem(callback("https://user@clinic.com/paid"), 400, "invalid_argument");
    // Nothing is said about whom to trust.
    EXPECT_EQ(callback("https://clinic.com/paid").status, 409);
}

}  // namespace
}  // namespace signet::testing
