// The steps every request passes, without sockets.
#include "daemon/api/pipeline.h"

#include <gtest/gtest.h>

#include <thread>

#include <stdexcept>

#include "base/encoding.h"
#include "daemon/api/problem.h"

namespace signet::api {
namespace {

using http::Verb;
using namespace std::chrono_literals;

class Sink final : public RefusalSink {
  public:
    void refused(const Refusal& refusal) override { refusals.push_back(refusal); }
    std::vector<Refusal> refusals;
};

http::Response plain(const ErrorContext& context) {
    return {context.status, "text/plain", "ERR " + std::string(to_string(context.error.code)), {}};
}

class PipelineTest : public ::testing::Test {
  protected:
    static std::shared_ptr<const policy::Policy> parse(const std::string& rules) {
        auto parsed = policy::Policy::parse(
            "principals:\n  ops: { users: [1000] }\n  apps: { groups: [500] }\n"
            "  batch: { api_keys: [\"sha256:" +
                to_hex(sha256(as_bytes("the-key"))) +
                "\"] }\n"
                "  till: { sans: [\"dns:till.example\"] }\nrules:\n" +
                rules,
            "policy.yaml");
        EXPECT_TRUE(parsed) << parsed.error().message;
        return *parsed;
    }
    static constexpr const char* kRules =
        "  - { name: no-weak, deny: [ops], permissions: [keys.sign], algorithms: [RS256] }\n"
        "  - { name: ops, allow: [ops], permissions: [keys.sign, keys.list, backup.database], keys: "
        "[\"doc.*\"] }\n"
        "  - { name: ops-all, allow: [ops], permissions: [keys.list, backup.database, status.read] }\n"
        "  - { name: es, allow: [apps], permissions: [keys.sign], algorithms: [ES256], rate: 2/1h }\n"
        "  - { name: rs, allow: [apps], permissions: [keys.sign], algorithms: [RS256], rate: 5/1h }\n"
        "  - { name: read, allow: [apps, batch, till], permissions: [keys.list], rate: 3/1h }\n"
        "  - { name: crl, allow: [public], permissions: [ca.crl] }\n"
        "  - { name: create, allow: [ops], permissions: [keys.create], keys: [\"doc.*\"] }\n";

    static Route row(Verb verb, std::string_view pattern, std::string_view permission, Handler handler) {
        Route out;
        out.verb = verb;
        out.pattern = pattern;
        out.permission = permission;
        out.handler = std::move(handler);
        return out;
    }
    static RouteTable rows() {
        const auto ok = [](Exchange& exchange) {
            return json_answer("\"" + std::string(exchange.principal()) + "\"");
        };
        RouteTable out = {row(Verb::get, "/keys", "keys.list", ok),
                          row(Verb::get, "/live", "health.live", ok), row(Verb::get, "/crl", "ca.crl", ok),
                          row(Verb::post, "/backup", "backup.database", ok),
                          row(Verb::get, "/status", "status.read", ok)};
        out[3].surface = Surface::admin;
        out[4].surface = Surface::both;
        auto sign = row(Verb::post, "/sign/{label}", "keys.sign", [](Exchange& exchange) {
            const auto body = exchange.json();
            if (!body) return exchange.fail(body.error());
            const auto algorithm = body->text("algorithm");
            if (!algorithm) return exchange.fail(algorithm.error());
            const auto items = body->optional_integer("items", 1, 1000);
            if (const auto allowed =
                    exchange.authorise(*algorithm, static_cast<std::uint32_t>(items->value_or(1)));
                !allowed)
                return exchange.fail(allowed.error());
            return json_answer("{}");
        });
        sign.resource_parameter = "label";
        sign.decides_in_handler = true;
        out.push_back(sign);
        auto create = row(Verb::post, "/create", "keys.create", [](Exchange& exchange) {
            const auto allowed = exchange.authorise("", exchange.body(), 1);
            return allowed ? json_answer("{}") : exchange.fail(allowed.error());
        });
        create.decides_in_handler = true;
        out.push_back(create);
        auto forgets = sign;
        forgets.pattern = "/forgets/{label}";
        forgets.handler = [](Exchange&) { return json_answer(R"({"signature":"secret"})"); };
        out.push_back(forgets);
        auto ignores = sign;
        ignores.pattern = "/ignores/{label}";
        ignores.handler = [](Exchange& exchange) {
            (void)exchange.authorise("RS256");
            (void)exchange.authorise("ES256");
            return json_answer(R"({"signature":"secret"})");
        };
        out.push_back(ignores);
        // The same faults of a row that does not wait, and one that answers from another thread as it should.
        auto starts = sign;
        starts.pattern = "/starts/{label}";
        starts.handler = [](const std::shared_ptr<Exchange>& exchange, http::Finish finish) {
            if (exchange->header("X-Throw") == "1") throw std::runtime_error("on purpose");
            if (exchange->header("X-Forget") != "1") (void)exchange->authorise("ES256");
            std::thread([&] { finish(json_answer(R"({"signature":"secret"})")); }).join();
        };
        out.push_back(starts);
        auto shaped = row(Verb::get, "/shaped", "keys.list", [](Exchange& exchange) -> http::Response {
            if (exchange.header("X-Throw") == "1") throw std::runtime_error("on purpose");
            return exchange.fail({ErrorCode::storage_full, "the disk is full", "SQLITE_FULL"});
        });
        shaped.error_shape = plain;
        out.push_back(shaped);
        auto own = row(Verb::get, "/own", "keys.list", ok);
        own.own_credentials = true;
        out.push_back(own);
        return out;
    }

    void SetUp() override {
        auto created =
            Pipeline::create({.rows = rows(),
                              .listeners = {{"api", Surface::api, false, {}},
                                            {"admin", Surface::admin, false, {}},
                                            {"public", Surface::api, true, {"ca.crl", "keys.list"}},
                                            {"narrow", Surface::api, false, {"keys.list"}}},
                              .policy = parse(kRules),
                              .refusals = sink,
                              .metrics = metrics,
                              .clock = clock,
                              .gate = [this] { return trusted; }});
        ASSERT_TRUE(created) << created.error().message;
        pipeline = *std::move(created);
    }

    static std::shared_ptr<http::Peer> unix_peer(std::uint32_t uid, std::string listener = "api") {
        auto peer = std::make_shared<http::Peer>();
        peer->listener = std::move(listener);
        peer->uid = uid;
        peer->gids = {uid == 2000 ? 500U : 999U};
        peer->address = "uid=" + std::to_string(uid);
        return peer;
    }
    static std::shared_ptr<http::Peer> tcp_peer(std::string listener) {
        auto peer = std::make_shared<http::Peer>();
        peer->listener = std::move(listener);
        peer->transport = http::Peer::Transport::plain_tcp;
        peer->address = "192.0.2.1:1";
        return peer;
    }

    http::Response ask(std::shared_ptr<const http::Peer> peer, Verb verb, std::string path,
                       std::string body = {}, std::vector<std::pair<std::string, std::string>> headers = {}) {
        http::Request request;
        request.verb = verb;
        request.target = request.path = std::move(path);
        request.peer = std::move(peer);
        request.id = "id-1";
        request.deadline = std::chrono::steady_clock::now() + 10s;
        for (const auto& [name, value] : headers)
            request.headers.add(name, value);
        auto decision = pipeline->admit(request);
        if (auto* response = std::get_if<http::Response>(&decision)) return *response;
        request.body = std::move(body);
        auto& admitted = std::get<http::Admitted>(decision);
        if (!admitted.no_wait) return pipeline->handle(std::move(request), admitted);
        http::Response answer{0, "", "", {}};
        pipeline->begin(std::move(request), std::move(admitted),
                        [&](http::Response response) { answer = std::move(response); });
        return answer;
    }
    static std::string header(const http::Response& response, std::string_view name) {
        for (const auto& [key, value] : response.headers)
            if (key == name) return value;
        return "";
    }

    Status trusted;  // what the gate says
    std::shared_ptr<http::Peer> ops = unix_peer(1000);
    std::shared_ptr<http::Peer> app = unix_peer(2000);
    std::shared_ptr<http::Peer> stranger = unix_peer(3000);
    Sink sink;
    Metrics metrics;
    SystemClock clock;
    std::unique_ptr<Pipeline> pipeline;
};

TEST_F(PipelineTest, KnowsCallersByWhatTheyProve) {
    EXPECT_EQ(ask(ops, Verb::get, "/keys").body, "\"ops\"");
    EXPECT_EQ(ask(app, Verb::get, "/keys").body, "\"apps\"");
    EXPECT_EQ(ask(stranger, Verb::get, "/keys", "", {{"Authorization", "Bearer the-key"}}).body, "\"batch\"");
    EXPECT_EQ(ask(stranger, Verb::get, "/keys", "", {{"authorization", "bEARER the-key"}}).body, "\"batch\"");
    auto till = tcp_peer("api");
    till->certificate.emplace().dns_names = {"till.example"};
    EXPECT_EQ(ask(till, Verb::get, "/keys").body, "\"till\"");
}

TEST_F(PipelineTest, StrangersAreToldToProveSomething) {
    const auto response = ask(stranger, Verb::get, "/keys");
    EXPECT_EQ(response.status, 401U);
    EXPECT_EQ(header(response, "WWW-Authenticate"), "Bearer realm=\"signet\"");
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_NE(response.body.find(R"("type":"urn:signet:error:unauthenticated")"), std::string::npos)
        << response.body;
    EXPECT_NE(response.body.find(R"("request_id":"id-1")"), std::string::npos);
    EXPECT_TRUE(sink.refusals.empty());  // strangers are counted, not recorded
    EXPECT_NE(metrics.text().find("signet_refused_total{reason=\"stranger\"} 1"), std::string::npos);
}

TEST_F(PipelineTest, AWrongKeyIsNoWayToFallBackToSomebodyElse) {
    for (const std::string value : {"Bearer wrong", "Bearer ", "Basic the-key", "the-key"})
        EXPECT_EQ(ask(ops, Verb::get, "/keys", "", {{"Authorization", value}}).status, 401U) << value;
    EXPECT_EQ(ask(ops, Verb::get, "/keys", "",
                  {{"Authorization", "Bearer the-key"}, {"Authorization", "Bearer the-key"}})
                  .status,
              401U);
    EXPECT_EQ(ask(ops, Verb::get, "/keys", "", {{"Authorization", "Bearer " + std::string(300, 'x')}}).status,
              401U);
    EXPECT_EQ(ask(tcp_peer("public"), Verb::get, "/crl", "", {{"Authorization", "Bearer wrong"}}).status,
              401U);
    EXPECT_EQ(ask(ops, Verb::get, "/keys").status, 200U);  // and it does not stick to the connection
}

TEST_F(PipelineTest, CredentialsOfARowsOwnProtocolSayNothingToThePolicy) {
    for (const auto* credentials : {"Basic dXNlcjprZXk=", "Bearer not-a-key-of-the-policy", ""}) {
        const auto answer = ask(ops, Verb::get, "/own", "", {{"Authorization", credentials}});
        EXPECT_EQ(answer.status, 200U) << credentials << answer.body;
        EXPECT_EQ(answer.body, "\"ops\"");
    }
    // A key of the policy makes nobody somebody there.
    EXPECT_EQ(ask(stranger, Verb::get, "/own", "", {{"Authorization", "Bearer the-key"}}).status, 401U);
}

TEST_F(PipelineTest, UnknownPathsLookTheSameToEverybody) {
    const auto known = ask(ops, Verb::get, "/nothing");
    const auto unknown = ask(stranger, Verb::get, "/nothing");
    const auto hidden = ask(stranger, Verb::post, "/backup");  // an admin row
    EXPECT_EQ(known.status, 404U);
    EXPECT_EQ(known.body, unknown.body);
    EXPECT_EQ(hidden.status, 404U);
    EXPECT_EQ(hidden.body, unknown.body);
    EXPECT_EQ(header(ask(ops, Verb::del, "/keys"), "Allow"), "GET, HEAD");
    EXPECT_EQ(ask(ops, Verb::del, "/keys").status, 405U);
    EXPECT_EQ(ask(ops, Verb::get, "/%2e%2e").status, 400U);
}

TEST_F(PipelineTest, AdministrationStaysOnItsSocket) {
    const auto admin = unix_peer(1000, "admin");
    EXPECT_EQ(ask(ops, Verb::post, "/backup").status, 404U);
    EXPECT_EQ(ask(admin, Verb::post, "/backup").status, 200U);
    EXPECT_EQ(ask(admin, Verb::get, "/keys").status, 404U);
    EXPECT_EQ(ask(admin, Verb::get, "/status").status, 200U);
    EXPECT_EQ(ask(ops, Verb::get, "/status").status, 200U);
    EXPECT_EQ(ask(unix_peer(1000, "unheard-of"), Verb::get, "/keys").status, 500U);
}

TEST_F(PipelineTest, EverybodyMayAskWhetherItLives) {
    for (const auto* listener : {"api", "admin", "public", "narrow"})
        EXPECT_EQ(ask(tcp_peer(listener), Verb::get, "/live").status, 200U) << listener;
}

TEST_F(PipelineTest, AnonymousListenersServeTheirPermitsOnly) {
    const auto nobody = tcp_peer("public");
    EXPECT_EQ(ask(nobody, Verb::get, "/crl").body, "\"public\"");
    EXPECT_EQ(ask(nobody, Verb::post, "/sign/doc.a").status, 404U);
    EXPECT_EQ(ask(unix_peer(1000, "public"), Verb::post, "/sign/doc.a").status, 404U);  // whoever asks
    const auto refused = ask(nobody, Verb::get, "/keys");  // permitted here, but not by the policy
    EXPECT_EQ(refused.status, 401U);
    EXPECT_TRUE(sink.refusals.empty());
    EXPECT_NE(metrics.text().find("signet_refused_total{reason=\"anonymous\"} 1"), std::string::npos);
    EXPECT_EQ(ask(tcp_peer("api"), Verb::get, "/crl").status, 401U);
    EXPECT_EQ(ask(unix_peer(1000, "narrow"), Verb::get, "/status").status, 404U);
}

TEST_F(PipelineTest, RefusalsOfKnownCallersAreRecorded) {
    const auto response = ask(app, Verb::get, "/status");
    EXPECT_EQ(response.status, 403U);
    ASSERT_EQ(sink.refusals.size(), 1U);
    const auto& refusal = sink.refusals.front();
    EXPECT_EQ(refusal.principal, "apps");
    EXPECT_EQ(refusal.permission, "status.read");
    EXPECT_EQ(refusal.reason, ErrorCode::permission_denied);
    EXPECT_EQ(refusal.peer, "uid=2000");
    EXPECT_EQ(refusal.request_id, "id-1");
    EXPECT_FALSE(refusal.why.empty());
}

TEST_F(PipelineTest, TheHandlerDecidesOnceItKnowsTheAlgorithm) {
    EXPECT_EQ(ask(ops, Verb::post, "/sign/doc.a", R"({"algorithm":"ES256"})").status, 200U);
    EXPECT_EQ(ask(ops, Verb::post, "/sign/doc.a", R"({"algorithm":"RS256"})").status, 403U);
    ASSERT_EQ(sink.refusals.size(), 1U);
    EXPECT_EQ(sink.refusals[0].algorithm, "RS256");
    EXPECT_EQ(sink.refusals[0].resource, "doc.a");
    EXPECT_EQ(ask(ops, Verb::post, "/sign/other", R"({"algorithm":"ES256"})").status,
              403U);  // refused before the body
    EXPECT_EQ(ask(ops, Verb::post, "/sign/doc.a", R"({"algorithm":1})").status, 400U);
    EXPECT_EQ(ask(ops, Verb::post, "/sign/doc.a", "{").status, 400U);
}

TEST_F(PipelineTest, RulesAboutKeysHoldForAKeyThatTheBodyNames) {
    EXPECT_EQ(ask(ops, Verb::post, "/create", "doc.new").status, 200);
    EXPECT_EQ(ask(ops, Verb::post, "/create", "other.new").status, 403);
    EXPECT_EQ(ask(ops, Verb::post, "/create", "").status, 403);
    EXPECT_EQ(ask(app, Verb::post, "/create", "doc.new").status, 403);
}

TEST_F(PipelineTest, WhileTheAuditChainCannotBeTrustedOneCanOnlyLook) {
    const std::string body = R"({"algorithm":"ES256"})";
    EXPECT_EQ(ask(ops, Verb::post, "/sign/doc.a", body).status, 200);
    trusted = fail(ErrorCode::storage_failed, "the chain was put back");
    EXPECT_EQ(ask(ops, Verb::post, "/sign/doc.a", body).status, 503);
    EXPECT_EQ(ask(ops, Verb::post, "/starts/doc.a", body).status, 503);
    EXPECT_EQ(ask(ops, Verb::post, "/create", "doc.new").status, 503);
    EXPECT_EQ(ask(ops, Verb::get, "/keys").status, 200);
    EXPECT_EQ(ask(stranger, Verb::get, "/live").status, 200);
    EXPECT_EQ(ask(stranger, Verb::post, "/sign/doc.a", body).status, 401) << "strangers are told nothing";
}

TEST_F(PipelineTest, AQuorumIsNeverLeftOut) {
    pipeline->replace_policy(parse("  - { name: q, allow: [ops], permissions: [keys.sign], quorum: 1 }\n"));
    // This row cannot wait for approvals, so the rule refuses.
    EXPECT_EQ(ask(ops, Verb::post, "/sign/doc.a", R"({"algorithm":"ES256"})").status, 403);
    EXPECT_EQ(ask(ops, Verb::post, "/forgets/doc.a", "{}").status, 403);
}

TEST_F(PipelineTest, AHandlerCannotForgetOrIgnoreThePolicy) {
    for (const auto* path : {"/forgets/doc.a", "/ignores/doc.a"}) {
        const auto response = ask(ops, Verb::post, path, "{}");
        EXPECT_EQ(response.status, 500U) << path;
        EXPECT_EQ(response.body.find("secret"), std::string::npos);
    }
}

TEST_F(PipelineTest, ARowThatDoesNotWaitIsHeldToTheSame) {
    EXPECT_EQ(ask(ops, Verb::post, "/starts/doc.a", "{}").status, 200U);
    for (const auto* fault : {"X-Forget", "X-Throw"}) {
        const auto response = ask(ops, Verb::post, "/starts/doc.a", "{}", {{fault, "1"}});
        EXPECT_EQ(response.status, 500U) << fault;
        EXPECT_EQ(response.body.find("secret"), std::string::npos);
    }
}

TEST_F(PipelineTest, RatesAreThoseOfTheRuleThatDecides) {
    EXPECT_EQ(ask(app, Verb::post, "/sign/doc.a", R"({"algorithm":"ES256"})").status, 200U);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(ask(app, Verb::post, "/sign/doc.a", R"({"algorithm":"RS256"})").status, 200U) << i;
    EXPECT_EQ(ask(app, Verb::post, "/sign/doc.a", R"({"algorithm":"ES256","items":2})").status,
              429U);  // one left
    EXPECT_EQ(ask(app, Verb::post, "/sign/doc.a", R"({"algorithm":"ES256"})").status, 200U);
    const auto response = ask(app, Verb::post, "/sign/doc.a", R"({"algorithm":"RS256"})");
    EXPECT_EQ(response.status, 429U);
    EXPECT_GT(std::stoi("0" + header(response, "Retry-After")), 0);
    ASSERT_FALSE(sink.refusals.empty());
    EXPECT_EQ(sink.refusals.back().reason, ErrorCode::rate_limited);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(ask(app, Verb::get, "/keys").status, 200U);
    EXPECT_EQ(ask(app, Verb::get, "/keys").status, 429U);
}

TEST_F(PipelineTest, ErrorsHaveTheShapeOfTheirRow) {
    auto response = ask(ops, Verb::get, "/shaped");
    EXPECT_EQ(response.status, 503U);
    EXPECT_EQ(response.body, "ERR storage_full");
    response = ask(ops, Verb::get, "/shaped", "", {{"X-Throw", "1"}});
    EXPECT_EQ(response.status, 500U);
    EXPECT_EQ(response.body, "ERR internal");
    EXPECT_EQ(ask(stranger, Verb::get, "/shaped").body, "ERR unauthenticated");
}

TEST_F(PipelineTest, APolicyIsReplacedAtOnceAndForOpenConnections) {
    EXPECT_EQ(ask(ops, Verb::get, "/keys").status, 200U);
    EXPECT_EQ(ask(stranger, Verb::get, "/keys").status, 401U);
    pipeline->replace_policy(
        *policy::Policy::parse("principals: { third: { users: [3000] } }\nrules:\n"
                               "  - { name: r, allow: [third], permissions: [keys.list] }\n",
                               "p.yaml"));
    EXPECT_EQ(ask(ops, Verb::get, "/keys").status, 401U);
    EXPECT_EQ(ask(stranger, Verb::get, "/keys").body, "\"third\"");
}

TEST_F(PipelineTest, BrowsersCannotSendJsonUnasked) {
    auto till = tcp_peer("api");
    till->transport = http::Peer::Transport::tls;
    till->certificate.emplace().dns_names = {"till.example"};
    pipeline->replace_policy(parse("  - { name: r, allow: [till, ops], permissions: [keys.sign] }\n"));
    const std::string body = R"({"algorithm":"ES256"})";
    EXPECT_EQ(ask(till, Verb::post, "/sign/a", body).status, 400U);
    EXPECT_EQ(ask(till, Verb::post, "/sign/a", body, {{"Content-Type", "text/plain"}}).status, 400U);
    EXPECT_EQ(
        ask(till, Verb::post, "/sign/a", body, {{"Content-Type", "Application/JSON; charset=utf-8"}}).status,
        200U);
    EXPECT_EQ(ask(till, Verb::post, "/sign/a", body, {{"Content-Type", "application/jose+json"}}).status,
              200U);
    EXPECT_EQ(ask(ops, Verb::post, "/sign/a", body).status, 200U);  // a Unix socket
}

TEST_F(PipelineTest, BadListenersStopTheStart) {
    const auto refusal = [&](std::vector<ListenerRules> listeners) {
        Metrics own;
        const auto created = Pipeline::create({.rows = rows(),
                                               .listeners = std::move(listeners),
                                               .policy = parse(kRules),
                                               .refusals = sink,
                                               .metrics = own,
                                               .clock = clock});
        return created ? std::string("created") : created.error().message;
    };
    EXPECT_NE(refusal({{"a", Surface::api, true, {}}}).find("permits"), std::string::npos);
    EXPECT_NE(refusal({{"a", Surface::api, false, {"ca.clr"}}}).find("ca.crl"), std::string::npos);
    EXPECT_NE(refusal({{"a", Surface::api, false, {}}, {"a", Surface::api, false, {}}}).find("two listeners"),
              std::string::npos);
}

TEST_F(PipelineTest, RefusalsOfConnectionsAreProblems) {
    for (const unsigned status : {400U, 408U, 413U, 414U, 417U, 431U, 500U, 501U, 503U, 505U}) {
        const auto response = pipeline->refuse(status, "because", "id-2");
        EXPECT_EQ(response.status, status);
        EXPECT_NE(response.body.find("\"status\":" + std::to_string(status)), std::string::npos)
            << response.body;
        EXPECT_EQ(header(response, "Retry-After").empty(), status != 503) << status;
    }
}

TEST_F(PipelineTest, CountsAnswersByRow) {
    ask(ops, Verb::get, "/keys");
    ask(stranger, Verb::get, "/keys");
    metrics.add(Metrics::Kind::gauge, "signet_queue", "queue=\"workers\"", "Requests that wait.",
                [] { return 3.0; });
    const auto text = metrics.text();
    EXPECT_NE(
        text.find("signet_requests_total{route=\"GET /keys\",permission=\"keys.list\",status=\"200\"} 1\n"),
        std::string::npos)
        << text;
    EXPECT_NE(
        text.find("signet_requests_total{route=\"GET /keys\",permission=\"keys.list\",status=\"401\"} 1\n"),
        std::string::npos);
    EXPECT_NE(text.find("signet_request_seconds_bucket{route=\"GET /keys\",le=\"+Inf\"} 2\n"),
              std::string::npos);
    EXPECT_NE(text.find("signet_request_seconds_count{route=\"GET /keys\"} 2\n"), std::string::npos);
    EXPECT_NE(text.find("# TYPE signet_queue gauge\nsignet_queue{queue=\"workers\"} 3\n"), std::string::npos);
}

}  // namespace
}  // namespace signet::api
