#include "daemon/http/client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "daemon/http/response_parser.h"
#include "daemon/http/server.h"
#include "tests/daemon/http/test_application.h"
#include "tests/support/process.h"

namespace signet::http {
namespace {

using namespace std::chrono_literals;

Result<ClientResponse> parse(std::string_view text, std::size_t piece, bool has_body = true,
                             const ClientLimits& limits = {}) {
    ResponseParser parser(limits, has_body);
    while (!text.empty() && !parser.done()) {
        auto part = text.substr(0, piece);
        const auto size = part.size();
        SIGNET_TRY(parser.feed(part));
        text.remove_prefix(size - part.size());
    }
    if (!parser.done()) SIGNET_TRY(parser.end());
    return parser.take();
}

TEST(ResponseParser, ReadsAnswersHoweverTheyCome) {
    for (const std::string_view text :
         {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
          "HTTP/1.0 200 OK\r\nX: y\r\n\r\nhello"})
        for (std::size_t piece = 1; piece <= text.size(); ++piece) {
            const auto answer = parse(text, piece);
            ASSERT_TRUE(answer) << piece << answer.error().message;
            EXPECT_EQ(answer->status, 200U);
            EXPECT_EQ(answer->body, "hello");
        }
    EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 100, false)->body, "");
    EXPECT_EQ(parse("HTTP/1.1 204 No Content\r\n\r\n", 100)->status, 204U);
}

TEST(ResponseParser, AnEmptyChunkedBodyByteForByte) {
    EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1)->body, "");
}

TEST(ResponseParser, RefusesWhatIsNotAnAnswer) {
    EXPECT_EQ(parse("SSH-2.0-OpenSSH\r\n\r\n", 100).error().code, ErrorCode::internal);
    EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 100).error().code,
              ErrorCode::cancelled);
    EXPECT_EQ(parse("HTTP/1.1 200 OK\r\n", 100).error().code, ErrorCode::cancelled);
    EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x'), 100).error().code,
              ErrorCode::too_large);
    const ClientLimits small{.body_bytes = 4};
    for (const std::string_view text :
         {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.0 200 OK\r\n\r\nhello",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"})
        EXPECT_EQ(parse(text, 100, true, small).error().code, ErrorCode::too_large) << text;
}

class ClientTest : public ::testing::Test {
  protected:
    void start(const Limits& limits = {}) {
        auto started = Server::start(
            {{"api", UnixSocket{path, 0660, ""}, nullptr, 0}, {"tcp", TcpSocket{"127.0.0.1", 0}, nullptr, 0}},
            application, limits);
        ASSERT_TRUE(started) << started.error().message;
        server = *std::move(started);
    }
    void TearDown() override { application.release(); }

    testing::TempDirectory directory;
    std::filesystem::path path = [this] {
        std::filesystem::create_directory(directory / "run");
        return directory / "run" / "api.sock";
    }();
    TestApplication application;
    std::unique_ptr<Server> server;
};

TEST_F(ClientTest, KeepsItsConnection) {
    start();
    for (auto endpoint : {Endpoint::unix_socket(path), Endpoint::tcp("localhost", *server->port("tcp"))}) {
        Client client(endpoint);
        for (int i = 0; i < 3; ++i) {
            const auto answer = client.get("/hello");
            ASSERT_TRUE(answer) << answer.error().message;
            EXPECT_EQ(answer->body, "hello");
            EXPECT_EQ(answer->headers.get("signet-request-id").size(), 22U);
            EXPECT_TRUE(client.connected());
        }
        EXPECT_EQ(client.send(Verb::head, "/hello")->body, "");
        EXPECT_EQ(client.get("/missing")->status, 404U);
        EXPECT_EQ(client.get("/big")->body.size(), std::size_t{1} << 20);
        EXPECT_EQ(client.post("/echo", std::string(60'000, 'x'))->body.size(), 60'000U);
        EXPECT_EQ(client.get("/empty")->status, 204U);
        EXPECT_TRUE(client.connected());
    }
}

TEST_F(ClientTest, OpensAClosedConnectionAgain) {
    start({.requests_per_connection = 1});
    Client client(Endpoint::unix_socket(path));
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(client.get("/hello")->body, "hello");
    server.reset();
    start({.idle_time = 100ms});
    EXPECT_EQ(client.get("/hello")->body, "hello");
    EXPECT_TRUE(testing::eventually([&] { return server->load().connections == 0; }));
    EXPECT_EQ(client.get("/hello")->body, "hello");
}

TEST_F(ClientTest, ReadsTheRefusalOfABodyItStillSends) {
    start();
    Client client(Endpoint::unix_socket(path));
    const auto answer = client.post("/echo", std::string(std::size_t{8} << 20, 'x'));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 413U);
    EXPECT_EQ(client.get("/hello")->body, "hello");
}

TEST_F(ClientTest, SaysWhatIsWrong) {
    Client nobody(Endpoint::unix_socket(path));
    EXPECT_EQ(nobody.get("/hello").error().code, ErrorCode::not_found);
    start();
    const auto port = *server->port("tcp");
    server.reset();
    EXPECT_EQ(Client(Endpoint::tcp("127.0.0.1", port)).get("/hello").error().code, ErrorCode::overloaded);
    Client client(Endpoint::unix_socket(path));
    EXPECT_EQ(client.get("hello").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(client.get("/a b").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(client.send(Verb::get, "/", "", "", {{"X", "a\r\nY: b"}}).error().code,
              ErrorCode::invalid_argument);
    EXPECT_EQ(client.send(Verb::get, "/", "", "", {{"X ", "a"}}).error().code, ErrorCode::invalid_argument);
}

TEST_F(ClientTest, GivesUpAtItsDeadline) {
    start();
    Client client(Endpoint::unix_socket(path), {.request_time = 200ms});
    EXPECT_EQ(client.get("/blocked").error().code, ErrorCode::deadline_exceeded);
    EXPECT_FALSE(client.connected());
}

TEST_F(ClientTest, APoolServesThreads) {
    start();
    ClientPool pool(Endpoint::unix_socket(path), {}, 4);
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 50; ++i)
                    if (const auto answer = pool.send(Verb::get, "/hello"); answer && answer->body == "hello")
                        ++good;
            });
    }
    EXPECT_EQ(good, 400);
}

}  // namespace
}  // namespace signet::http
