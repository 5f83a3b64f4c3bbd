// The server over real Unix and TCP sockets.
#include "daemon/http/server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <thread>

#include "daemon/http/client.h"
#include "tests/daemon/http/raw_socket.h"
#include "tests/daemon/http/test_application.h"
#include "tests/support/process.h"

namespace signet::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kHello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

class ServerTest : public ::testing::Test {
  protected:
    void start(const Limits& limits = {}, std::size_t cap = 0) {
        auto started = Server::start({{"api", UnixSocket{path(), 0660, ""}, nullptr, cap},
                                      {"tcp", TcpSocket{"127.0.0.1", 0}, nullptr, 0}},
                                     application, limits);
        ASSERT_TRUE(started) << started.error().message << ": " << started.error().detail;
        server = *std::move(started);
    }
    // A directory of its own: the temporary one may belong to another user.
    std::filesystem::path path() const { return directory_for_socket / "api.sock"; }
    RawSocket connect() const { return RawSocket::unix_socket(path()); }
    void TearDown() override { application.release(); }

    testing::TempDirectory directory;
    std::filesystem::path directory_for_socket = [this] {
        const auto made = directory / "run";
        std::filesystem::create_directory(made);
        return made;
    }();
    TestApplication application;
    std::unique_ptr<Server> server;
};

TEST_F(ServerTest, ServesUnixAndTcp) {
    start();
    for (auto socket : {0, 1}) {
        auto raw = socket == 0 ? connect() : RawSocket::tcp(*server->port("tcp"));
        ASSERT_TRUE(raw.connected());
        for (int i = 0; i < 3; ++i) {
            ASSERT_TRUE(raw.send(kHello));
            EXPECT_TRUE(raw.read_until("hello").starts_with("HTTP/1.1 200 OK\r\n"));
        }
    }
    EXPECT_FALSE(server->port("api"));
    EXPECT_FALSE(server->port("none"));
}

TEST_F(ServerTest, KnowsItsPeer) {
    start();
    auto raw = connect();
    raw.send("GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const auto text = raw.read_to_end();
    EXPECT_NE(
        text.find("api\nuid=" + std::to_string(::getuid()) + "\npid=" + std::to_string(::getpid()) + "\n"),
        std::string::npos)
        << text;
    EXPECT_NE(text.find("gid=" + std::to_string(::getgid()) + "\n"), std::string::npos) << text;
    std::vector<gid_t> groups(256);
    groups.resize(static_cast<std::size_t>(::getgroups(static_cast<int>(groups.size()), groups.data())));
    for (const auto gid : groups)
        EXPECT_NE(text.find("gid=" + std::to_string(gid) + "\n"), std::string::npos) << gid;

    auto tcp = RawSocket::tcp(*server->port("tcp"));
    tcp.send("GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(tcp.read_to_end().find("uid="), std::string::npos);
}

TEST_F(ServerTest, CurlUnderstandsIt) {
    start();
    const auto run = [&](std::vector<std::string> arguments) {
        std::vector<std::string> command = {"/usr/bin/curl", "-sS", "--noproxy",     "*",
                                            "--max-time",    "20",  "--unix-socket", path().string()};
        command.insert(command.end(), arguments.begin(), arguments.end());
        testing::ChildProcess::Options options;
        options.as_service_user = false;
        return testing::run(command, options);
    };
    EXPECT_EQ(run({"http://signet/hello", "http://signet/hello"}).output, "hellohello");
    EXPECT_EQ(run({"-d", "some text", "http://signet/echo"}).output, "some text");
    EXPECT_EQ(run({"-H", "Transfer-Encoding: chunked", "-d", "some text", "http://signet/echo"}).output,
              "some text");
    EXPECT_EQ(run({"-H", "Expect: 100-continue", "-d", "some text", "http://signet/echo"}).output,
              "some text");
    EXPECT_EQ(run({"--http1.0", "-d", "x", "http://signet/echo"}).output, "x");
    const auto head = run({"-I", "http://signet/hello"}).output;
    EXPECT_NE(head.find("Content-Length: 5"), std::string::npos) << head;
    EXPECT_EQ(run({"-o", "/dev/null", "-w", "%{http_code} %{size_download}", "http://signet/big"}).output,
              "200 1048576");
    EXPECT_EQ(
        run({"-o", "/dev/null", "-w", "%{http_code}", "-d", std::string(70'000, 'x'), "http://signet/echo"})
            .output,
        "413");
}

TEST_F(ServerTest, ManyClientsAtOnce) {
    start();
    std::vector<std::future<int>> clients;
    for (int c = 0; c < 16; ++c)
        clients.push_back(std::async(std::launch::async, [&, c] {
            Client client(Endpoint::unix_socket(path()));
            int good = 0;
            for (int i = 0; i < 100; ++i) {
                const auto body = "body " + std::to_string(c) + "/" + std::to_string(i);
                const auto answer = client.post("/echo", body);
                good += answer && answer->status == 200 && answer->body == body ? 1 : 0;
            }
            return good;
        }));
    for (auto& client : clients)
        EXPECT_EQ(client.get(), 100);
    EXPECT_EQ(application.handled, 1600);
}

TEST_F(ServerTest, ASlowHeaderHoldsUpNobody) {
    start({.header_time = 1s});
    auto slow = connect();
    slow.send("GET /hello HTTP/1.1\r\nHo");
    auto raw = connect();
    raw.send(kHello);
    EXPECT_TRUE(raw.read_until("hello").starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(slow.read_to_end().starts_with("HTTP/1.1 408 "));
}

TEST_F(ServerTest, TurnsAwayOverTheCap) {
    start({}, 2);
    auto one = connect();
    auto two = connect();
    for (auto* socket : {&one, &two}) {
        socket->send(kHello);
        ASSERT_TRUE(socket->read_until("hello").starts_with("HTTP/1.1 200 "));
    }
    auto three = connect();
    const auto text = three.read_to_end();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 503 ") && text.find("Retry-After: ") != std::string::npos) << text;
    // Another listener has its own cap.
    auto tcp = RawSocket::tcp(*server->port("tcp"));
    tcp.send(kHello);
    EXPECT_TRUE(tcp.read_until("hello").starts_with("HTTP/1.1 200 "));
    EXPECT_EQ(server->load().refused_connections, 1U);
    {
        const auto gone = std::move(one);
    }
    EXPECT_TRUE(testing::eventually([&] {
        auto again = connect();
        again.send(kHello);
        return again.read_until("hello").starts_with("HTTP/1.1 200 ");
    }));
}

TEST_F(ServerTest, TurnsAwayOverTheTotal) {
    start({.connections = 1});
    auto one = connect();
    one.send(kHello);
    ASSERT_TRUE(one.read_until("hello").starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(RawSocket::tcp(*server->port("tcp")).read_to_end().starts_with("HTTP/1.1 503 "));
}

TEST_F(ServerTest, AFullQueueIs503) {
    start({.workers = 1, .queue = 1});
    auto running = connect();
    running.send("GET /blocked HTTP/1.1\r\nHost: a\r\n\r\n");
    application.wait_until_blocked(1);
    auto waiting = connect();
    waiting.send(kHello);
    ASSERT_TRUE(testing::eventually([&] { return server->load().waiting == 1; }));
    auto refused = connect();
    refused.send(kHello);
    const auto text = refused.read_until("\r\n\r\n");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 503 ") && text.find("Retry-After: 1") != std::string::npos)
        << text;
    application.release();
    EXPECT_TRUE(running.read_until("hello").starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(waiting.read_until("hello").starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, DrainAnswersWhatRunsAndClosesTheRest) {
    start();
    auto idle = connect();
    idle.send(kHello);
    idle.read_until("hello");
    auto running = connect();
    running.send("GET /blocked HTTP/1.1\r\nHost: a\r\n\r\n");
    application.wait_until_blocked(1);
    auto drained = std::async(std::launch::async, [&] { return server->drain(); });
    EXPECT_TRUE(idle.ends());
    ASSERT_TRUE(testing::eventually([&] { return !std::filesystem::exists(path()); }));
    EXPECT_FALSE(connect().connected());
    application.release();
    const auto text = running.read_to_end();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200 ") && text.find("Connection: close") != std::string::npos)
        << text;
    {
        const auto gone = std::move(running);
    }
    EXPECT_TRUE(drained.get());
    EXPECT_EQ(server->load().connections, 0U);
}

TEST_F(ServerTest, ADrainTellsClientsWithAnAnswerFirst) {
    start({.farewell_time = 60s});
    auto kept = connect();
    kept.send(kHello);
    kept.read_until("hello");
    auto drained = std::async(std::launch::async, [&] { return server->drain(); });
    // Whoever comes meanwhile is served as well, until no connection is left.
    ASSERT_TRUE(testing::eventually([&] {
        auto another = connect();
        another.send(kHello);
        return another.read_until("hello").find("Connection: close") != std::string::npos;
    }));
    kept.send(kHello);
    const auto text = kept.read_to_end();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200 ") && text.find("Connection: close") != std::string::npos)
        << text;
    {
        const auto gone = std::move(kept);
    }
    EXPECT_TRUE(drained.get());
}

TEST_F(ServerTest, DrainGivesUpAfterItsTime) {
    start({.drain_time = 1s});
    auto running = connect();
    running.send("GET /blocked HTTP/1.1\r\nHost: a\r\n\r\n");
    application.wait_until_blocked(1);
    EXPECT_FALSE(server->drain());
    application.release();
}

TEST_F(ServerTest, EndsWithRequestsUnderWay) {
    start();
    auto running = connect();
    running.send("GET /blocked HTTP/1.1\r\nHost: a\r\n\r\n");
    application.wait_until_blocked(1);
    std::jthread later([&] { application.release(); });
    server.reset();
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(ServerTest, TheSocketHasItsModeAndReplacesAStaleOne) {
    {
        // A process that died leaves its file behind.
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().native().copy(address.sun_path, sizeof address.sun_path - 1);
        const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
        ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    ASSERT_TRUE(std::filesystem::exists(path()));
    start();
    struct stat info{};
    ASSERT_EQ(::lstat(path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0660U);
    EXPECT_TRUE(S_ISSOCK(info.st_mode));
}

TEST_F(ServerTest, RefusesASocketThatIsInUse) {
    start();
    const auto second = Server::start({{"api", UnixSocket{path(), 0660, ""}, nullptr, 0}}, application, {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::already_exists);
    EXPECT_TRUE(std::filesystem::exists(path()));
    const auto third =
        Server::start({{"tcp", TcpSocket{"127.0.0.1", *server->port("tcp")}, nullptr, 0}}, application, {});
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, ErrorCode::already_exists);
}

TEST_F(ServerTest, RefusesPlacesThatAreNotSafe) {
    const auto start_at = [&](const std::filesystem::path& where, std::string group = "") {
        const auto result =
            Server::start({{"api", UnixSocket{where, 0660, std::move(group)}, nullptr, 0}}, application, {});
        return result ? std::string("started")
                      : std::string(to_string(result.error().code)) + ": " + result.error().message;
    };
    EXPECT_NE(start_at(directory_for_socket / "missing" / "x.sock").find("create it first"),
              std::string::npos);
    std::ofstream(directory_for_socket / "file") << "precious";
    EXPECT_NE(start_at(directory_for_socket / "file").find("no socket"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(directory_for_socket / "file"));
    std::filesystem::create_directory(directory_for_socket / "open");
    std::filesystem::permissions(directory_for_socket / "open", std::filesystem::perms::all);
    EXPECT_NE(start_at(directory_for_socket / "open" / "x.sock").find("written by others"),
              std::string::npos);
    EXPECT_NE(start_at(directory_for_socket / std::string(120, 'x')).find("107 bytes"), std::string::npos);
    EXPECT_NE(start_at(directory_for_socket / "x.sock", "no-such-group").find("no group"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(directory_for_socket / "x.sock"));
}

TEST_F(ServerTest, LeavesNothingBehindWhenItCannotStart) {
    const auto result = Server::start(
        {{"api", UnixSocket{path(), 0660, ""}, nullptr, 0}, {"bad", TcpSocket{"localhost", 1}, nullptr, 0}},
        application, {});
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("listener 'bad'"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(path()));
    const auto activated = Server::start({{"sd", ActivatedSocket{"api"}, nullptr, 0}}, application, {});
    ASSERT_FALSE(activated);
    EXPECT_EQ(activated.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace signet::http
