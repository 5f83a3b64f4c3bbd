// Every row of the route table, as /v1/openapi.json describes it: none may answer a stranger, somebody without the
// permission, a body over its limit, or an id that does not exist.
#include <csignal>
#include <set>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

constexpr std::string_view kEverything = "permissions: [\"*\"]";

struct Row {
    std::string verb;
    std::string pattern;
    bool live() const { return pattern == "/v1/health/live"; }
    bool has_parameter() const { return pattern.find('{') != std::string::npos; }
    // With parameters that name nothing.
    std::string target() const {
        std::string out = pattern;
        for (auto open = out.find('{'); open != std::string::npos; open = out.find('{'))
            out.replace(open, out.find('}', open) - open + 1, "nobody");
        return out;
    }
    std::string name() const { return verb + " " + pattern; }
};

// The socket asked does not serve the row: not at all, or another verb of its path.
bool not_served(const HttpAnswer& answer) {
    return answer.status == 404 || answer.status == 405;
}

class Routes : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { appliance_ = std::make_unique<Appliance>(); }
    static void TearDownTestSuite() { appliance_.reset(); }

    static std::vector<Row> rows() {
        std::vector<Row> out;
        const auto document = expect_json(appliance_->get("/v1/openapi.json"));
        for (const auto& [path, operations] : document.at("paths").as_object()) {
            for (const auto& [verb, operation] : operations.as_object()) {
                if (verb != "get" && verb != "post") continue;
                out.push_back({verb == "get" ? "GET" : "POST", std::string(path)});
            }
        }
        return out;
    }
    // The same request at both sockets; a row that a socket does not serve is 404 or 405 there.
    static std::vector<HttpAnswer> ask(const Row& row, const std::string& body = {}) {
        std::vector<HttpAnswer> answers;
        for (const auto& socket : {appliance_->api_socket(), appliance_->admin_socket()}) {
            HttpConnection connection(socket);
            HttpRequest request;
            request.verb = row.verb;
            request.target = row.target();
            request.body = body;
            answers.push_back(connection.send(request));
        }
        return answers;
    }
    // Edits the policy, reloads it, runs `check`, and puts everything back.
    template <class Check>
    void with_policy(std::string_view what, std::string_view by, Check check) {
        const auto before = reloads();
        appliance_->edit("policy.yaml", what, by);
        appliance_->signal_daemon(SIGHUP);
        ASSERT_TRUE(eventually([&] { return reloads() == before + 1; }));
        check();
        appliance_->edit("policy.yaml", by, what);
        appliance_->signal_daemon(SIGHUP);
        ASSERT_TRUE(eventually([&] { return reloads() == before + 2; }));
    }
    static std::size_t reloads() {
        const auto log = appliance_->log();
        std::size_t count = 0;
        for (auto at = log.find("event=daemon.reloaded"); at != std::string::npos;
             at = log.find("event=daemon.reloaded", at + 1))
            ++count;
        return count;
    }

    static std::unique_ptr<Appliance> appliance_;
};
std::unique_ptr<Appliance> Routes::appliance_;

TEST_F(Routes, TheTableIsComplete) {
    std::set<std::string> names;
    for (const auto& row : rows())
        names.insert(row.name());
    for (const auto* name : {"GET /v1/health/live",
                             "GET /v1/health/ready",
                             "GET /v1/metrics",
                             "GET /v1/openapi.json",
                             "GET /v1/keys",
                             "GET /v1/keys/{label}",
                             "POST /v1/keys/{label}/sign",
                             "POST /v1/keys/{label}/sign-batch",
                             "POST /v1/keys/{label}/verify",
                             "POST /v1/keys/{label}/decrypt",
                             "POST /v1/keys/{label}/mac",
                             "POST /v1/keys/{label}/mac-verify",
                             "POST /v1/keys/{label}/jws",
                             "POST /v1/keys/{label}/cms",
                             "POST /v1/ca/{label}/certificates",
                             "GET /v1/ca/{label}/certificates/{serial}",
                             "POST /v1/ca/{label}/certificates/{serial}/revoke",
                             "GET /v1/ca/{label}/crl",
                             "POST /v1/ca/{label}/ocsp",
                             "GET /v1/random",
                             "GET /v1/audit"})
        EXPECT_TRUE(names.contains(name)) << name;
}

TEST_F(Routes, AnswerNoStranger) {
    const auto all = rows();
    const auto user = service_user() ? std::string("users: [root, ") : std::string("users: [");
    with_policy(user, "users: [bin] # ", [&] {
        for (const auto& row : all) {
            if (row.live()) continue;
            for (const auto& answer : ask(row, row.verb == "POST" ? "{}" : "")) {
                EXPECT_TRUE(answer.status == 401 || not_served(answer))
                    << row.name() << ": " << answer.status;
            }
        }
    });
}

TEST_F(Routes, AnswerNobodyWithoutThePermission) {
    const auto all = rows();
    with_policy(kEverything, "permissions: [openapi.read]", [&] {
        for (const auto& row : all) {
            if (row.live() || row.pattern == "/v1/openapi.json") continue;
            bool refused = false;
            for (const auto& answer : ask(row, row.verb == "POST" ? "{}" : "")) {
                EXPECT_TRUE(answer.status == 403 || not_served(answer))
                    << row.name() << ": " << answer.status;
                refused = refused || answer.status == 403;
            }
            EXPECT_TRUE(refused) << row.name() << " is served nowhere";
        }
    });
}

TEST_F(Routes, RefuseBodiesOverTheirLimit) {
    const std::string huge(std::size_t{3} << 20, 'x');
    for (const auto& row : rows()) {
        if (row.verb != "POST") continue;
        bool refused = false;
        for (const auto& answer : ask(row, huge)) {
            // 413 is sent while the client still writes: it may see the connection closed instead.
            EXPECT_TRUE(answer.status == 413 || not_served(answer) || answer.status == 0)
                << row.name() << ": " << answer.status;
            refused = refused || !not_served(answer);
        }
        EXPECT_TRUE(refused) << row.name();
    }
    EXPECT_EQ(appliance_->get("/v1/health/live").status, 200);
}

TEST_F(Routes, KnowNobody) {
    for (const auto& row : rows()) {
        if (!row.has_parameter()) continue;
        for (const auto& answer : ask(row, row.verb == "POST" ? "{}" : "")) {
            // A body that says nothing may be refused before the key is looked for.
            EXPECT_TRUE(not_served(answer) || answer.status == 400)
                << row.name() << ": " << answer.status << answer.body;
            EXPECT_TRUE(answer.headers.contains("signet-request-id")) << row.name();
        }
    }
    expect_problem(appliance_->post("/v1/keys/nobody/sign", sign_body("ES256", "x")), 404, "not_found");
    expect_problem(appliance_->get("/v1/keys/nobody"), 404, "not_found");
    expect_problem(appliance_->get("/v1/ca/device.ca/certificates/00"), 404, "not_found");
    expect_problem(appliance_->get("/v1/ca/nobody/crl"), 404, "not_found");
}

TEST_F(Routes, AdministrationIsOnTheAdminSocketOnly) {
    for (const auto* target : {"/v1/keys/document.ec/disable", "/v1/audit/archive", "/v1/backup/database",
                               "/v1/policy/explain", "/v1/config/reload", "/v1/keys/document.ec/destroy"})
        EXPECT_EQ(appliance_->post(target, "{}").status, 404) << target;
    EXPECT_EQ(appliance_->admin({.verb = "POST", .target = "/v1/keys/document.ec/sign", .body = "{}"}).status,
              404);
}

TEST_F(Routes, AdministrationWorks) {
    const auto post = [&](const std::string& target, const std::string& body = "{}") {
        return appliance_->admin({.verb = "POST", .target = target, .body = body});
    };
    const auto checkpoint = expect_json(post("/v1/audit/checkpoint"));
    EXPECT_GT(number(checkpoint, "sequence"), 0U);
    EXPECT_EQ(text(expect_json(post("/v1/audit/archive")), "file"), "");
    const auto copy = expect_json(post("/v1/backup/database"), 201);
    EXPECT_TRUE(std::filesystem::exists(text(copy, "file")));
    const auto crl = expect_json(post("/v1/ca/device.ca/crl"), 201);
    EXPECT_GT(number(crl, "number"), 0U);
    const auto explained = expect_json(post(
        "/v1/policy/explain", R"({"principal":"operator","permission":"keys.sign","key":"document.ec"})"));
    EXPECT_EQ(text(explained, "allowed"), "true");
    EXPECT_EQ(
        text(expect_json(post("/v1/policy/explain", R"({"principal":"nobody","permission":"keys.sign"})")),
             "allowed"),
        "false");
    expect_problem(post("/v1/policy/explain", R"({"principal":"operator","permission":"keys.sing"})"), 400,
                   "invalid_argument");
    EXPECT_EQ(text(expect_json(post("/v1/config/reload")), "changes"), "[]");
}

TEST_F(Routes, KeysAreMadeOnceForOneIdempotencyKey) {
    const std::string body = R"({"label":"walk.key","algorithm":"ec-p256","usages":["sign"]})";
    const auto create = [&](const std::string& text, const std::string& key) {
        return appliance_->admin(
            {.verb = "POST", .target = "/v1/keys", .body = text, .headers = {"Idempotency-Key: " + key}});
    };
    const auto first = create(body, "create-1");
    const auto again = create(body, "create-1");
    EXPECT_EQ(first.status, 201) << first.body;
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
    expect_problem(create(R"({"label":"other.key","algorithm":"ec-p256","usages":["sign"]})", "create-1"),
                   422, "unprocessable");
    expect_problem(create(body, "create-2"), 409, "already_exists");
    const auto rotate = [&](const std::string& key) {
        return appliance_->admin(
            {.verb = "POST", .target = "/v1/keys/walk.key/rotate", .headers = {"Idempotency-Key: " + key}});
    };
    EXPECT_EQ(number(expect_json(rotate("r-1"), 201), "version"), 2U);
    EXPECT_EQ(number(expect_json(rotate("r-1"), 201), "version"), 2U);
    EXPECT_EQ(number(expect_json(rotate("r-2"), 201), "version"), 3U);
}

TEST_F(Routes, TheAuditChainIsReadInPages) {
    const auto first = expect_json(appliance_->get("/v1/audit?after=0&limit=2"));
    ASSERT_EQ(first.at("records").as_array().size(), 2U);
    EXPECT_EQ(number(first.at("records").as_array()[0], "seq"), 1U);
    EXPECT_EQ(text(first, "more"), "true");
    const auto second = expect_json(appliance_->get("/v1/audit?limit=2&after=" + text(first, "next_after")));
    EXPECT_EQ(number(second.at("records").as_array()[0], "seq"), 3U);
    const auto filtered = expect_json(appliance_->get("/v1/audit?action=system.*"));
    for (const auto& record : filtered.at("records").as_array())
        EXPECT_TRUE(text(record, "action").starts_with("system."));
    expect_problem(appliance_->get("/v1/audit?after=x"), 400, "invalid_argument");
    expect_problem(appliance_->get("/v1/audit?limit=5000"), 400, "invalid_argument");
    expect_problem(appliance_->get("/v1/audit?nonsense=1"), 400, "invalid_argument");
}

TEST_F(Routes, RandomBytesAreBounded) {
    const auto answer = expect_json(appliance_->get("/v1/random?bytes=48"));
    EXPECT_EQ(from_base64(text(answer, "random"))->size(), 48U);
    EXPECT_EQ(from_base64(text(expect_json(appliance_->get("/v1/random")), "random"))->size(), 32U);
    expect_problem(appliance_->get("/v1/random?bytes=0"), 400, "invalid_argument");
    expect_problem(appliance_->get("/v1/random?bytes=5000"), 400, "invalid_argument");
}

}  // namespace
}  // namespace signet::testing
