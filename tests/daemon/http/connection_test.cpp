// A connection driven from memory, with time as an input: no sockets, no loop, no waiting.
#include "daemon/http/connection.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <thread>

#include "tests/daemon/http/test_application.h"

namespace signet::http {
namespace {

using namespace std::chrono_literals;
using Wait = Connection::Wait;

// What the client sends and gets; survives the stream.
struct Wire {
    std::string to_server;
    std::string to_client;
    bool client_closed = false;
    bool server_ended = false;
    std::size_t room = std::numeric_limits<std::size_t>::max();  // that writes find
};

class MemoryStream final : public Stream {
  public:
    explicit MemoryStream(Wire& wire) : wire_(wire) {}
    IoResult read(std::span<char> into) override {
        if (wire_.to_server.empty())
            return {wire_.client_closed ? IoResult::State::closed : IoResult::State::wants_read};
        const auto size = std::min(into.size(), wire_.to_server.size());
        wire_.to_server.copy(into.data(), size);
        wire_.to_server.erase(0, size);
        return {IoResult::State::done, size};
    }
    IoResult write(std::string_view first, std::string_view second) override {
        auto all = std::string(first) + std::string(second);
        const auto size = std::min(wire_.room, all.size());
        if (size == 0) return {IoResult::State::wants_write};
        wire_.to_client.append(all, 0, size);
        wire_.room -= size;
        return {IoResult::State::done, size};
    }
    void end_writing() override { wire_.server_ended = true; }

  private:
    Wire& wire_;
};

class Answers final : public AnswerQueue {
  public:
    void push(std::shared_ptr<Connection> connection) override {
        const std::lock_guard lock(mutex_);
        ready_.push_back(std::move(connection));
        changed_.notify_all();
    }
    std::shared_ptr<Connection> take() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !ready_.empty(); });
        auto connection = std::move(ready_.front());
        ready_.pop_front();
        return connection;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<Connection>> ready_;
};

class ConnectionTest : public ::testing::Test {
  protected:
    ConnectionTest() {
        connection = std::make_shared<Connection>(environment, answers, std::make_unique<MemoryStream>(wire),
                                                  std::make_shared<Peer>(), now);
    }
    // As a loop does: bytes in, handlers run, until the connection waits for the client.
    Wait send(std::string_view bytes) {
        wire.to_server += bytes;
        return settle(connection->ready(now));
    }
    Wait settle(Wait wait) {
        while (wait == Wait::answer)
            wait = answers.take()->answered(now);
        return wait;
    }
    std::string answer() { return std::exchange(wire.to_client, {}); }
    static bool has(std::string_view text, std::string_view part) {
        return text.find(part) != std::string_view::npos;
    }

    SteadyTime now = std::chrono::steady_clock::now();
    Limits limits{};
    TestApplication application;
    WorkerPool workers{2, 4};
    RequestIds ids;
    std::atomic<bool> draining{false};
    ConnectionEnvironment environment{application, limits, workers, ids, draining};
    Answers answers;
    Wire wire;
    std::shared_ptr<Connection> connection;
};

constexpr std::string_view kHello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_F(ConnectionTest, AnswersAndKeepsTheConnection) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(send(kHello), Wait::readable);
        const auto text = answer();
        EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK\r\n")) << text;
        EXPECT_TRUE(text.ends_with("\r\n\r\nhello")) << text;
        for (const auto field : {"Date: ", "Signet-Request-Id: ", "Cache-Control: no-store",
                                 "Content-Length: 5", "Content-Type: text/plain"})
            EXPECT_TRUE(has(text, field)) << field;
        EXPECT_FALSE(has(text, "Connection:"));
    }
    EXPECT_FALSE(wire.server_ended);
}

TEST_F(ConnectionTest, TakesAHeaderByteForByte) {
    for (const char c : kHello.substr(0, kHello.size() - 1))
        ASSERT_EQ(send({&c, 1}), Wait::readable);
    EXPECT_EQ(application.admitted, 0);
    send("\n");
    EXPECT_TRUE(has(answer(), "200 OK"));
}

TEST_F(ConnectionTest, AnswersPipelinedRequestsInOrder) {
    send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
        "GET /hello HTTP/1.1\r\nHost: a\r\n\r\nGET /hel");
    const auto text = answer();
    const auto one = text.find("one");
    const auto two = text.find("two");
    const auto hello = text.find("hello");
    EXPECT_TRUE(one < two && two < hello && hello != std::string::npos) << text;
    send("lo HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(has(answer(), "200 OK"));
    EXPECT_EQ(application.handled, 4);
}

TEST_F(ConnectionTest, AnswersWhatDoesNotWaitFromAnywhere) {
    wire.to_server = "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none";
    ASSERT_EQ(connection->ready(now), Wait::answer);
    ASSERT_EQ(application.begun.size(), 1U);  // begun by this thread, not by a worker
    auto [request, finish] = application.take_begun();
    EXPECT_EQ(request.body, "one");
    std::thread([finish = std::move(finish)]() mutable { finish({200, "text/plain", "late", {}}); }).join();
    EXPECT_EQ(settle(Wait::answer), Wait::readable);
    EXPECT_TRUE(answer().ends_with("late"));
    environment.outstanding.wait_for_none();
    EXPECT_EQ(send(kHello), Wait::readable);
    EXPECT_TRUE(has(answer(), "200 OK"));
}

TEST_F(ConnectionTest, BeginsALargeBodyOnAWorker) {
    wire.to_server =
        "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + std::string(20'000, 'x');
    ASSERT_EQ(connection->ready(now), Wait::answer);
    auto finish = std::move(application.take_begun().second);
    finish({200, "text/plain", "late", {}});
    EXPECT_EQ(settle(Wait::answer), Wait::readable);
    EXPECT_TRUE(answer().ends_with("late"));
}

TEST_F(ConnectionTest, GivesUpOnAnAnswerThatDoesNotCome) {
    wire.to_server = "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none";
    ASSERT_EQ(connection->ready(now), Wait::answer);
    EXPECT_EQ(connection->tick(now + limits.request_time), std::nullopt);
    EXPECT_EQ(connection->tick(now + limits.request_time + 10s), Wait::readable);  // told, and lingering
    EXPECT_TRUE(has(answer(), "503"));
    auto finish = std::move(application.take_begun().second);
    finish({200, "text/plain", "too late", {}});
    EXPECT_TRUE(answer().empty());
}

TEST_F(ConnectionTest, AnEmptyLineAfterABodyIsNoRequest) {
    send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none\r\n\r\n");
    EXPECT_TRUE(has(answer(), "200 OK"));
    EXPECT_EQ(connection->tick(now + limits.idle_time - 1s),
              std::nullopt);  // idle, not in the middle of a header
    send(kHello);
    EXPECT_TRUE(has(answer(), "200 OK"));
    send("\r\n\r\n\r\n\r\n\r\n");
    EXPECT_TRUE(has(answer(), "400 Bad Request"));
}

TEST_F(ConnectionTest, AMalformedHeaderEndsTheConnection) {
    send("GET / HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto text = answer();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 400 ")) << text;
    EXPECT_TRUE(has(text, "Connection: close"));
    EXPECT_TRUE(has(text, "Signet-Request-Id: "));
    EXPECT_FALSE(has(text, "200 OK"));
    EXPECT_TRUE(wire.server_ended);
    EXPECT_EQ(application.admitted, 0);
}

TEST_F(ConnectionTest, BoundsTheHeader) {
    std::string text = "GET /hello HTTP/1.1\r\nHost: a\r\nX: ";
    const std::string end = "\r\n\r\n";
    send(text + std::string(limits.header_bytes - text.size() - end.size(), 'x') + end);
    EXPECT_TRUE(has(answer(), "200 OK"));
    send(text + std::string(limits.header_bytes - text.size() - end.size() + 1, 'x') + end);
    EXPECT_TRUE(has(answer(), "431 "));
}

TEST_F(ConnectionTest, AnEndlessHeaderIsRefusedBeforeItEnds) {
    send("GET /hello HTTP/1.1\r\nX: " + std::string(limits.header_bytes, 'x'));
    EXPECT_TRUE(has(answer(), "431 "));
}

TEST_F(ConnectionTest, BoundsTheBody) {
    const std::string fits(std::size_t{64} << 10, 'x');
    send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(fits.size()) + "\r\n\r\n" +
         fits);
    EXPECT_TRUE(answer().ends_with(fits));
    send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(fits.size() + 1) + "\r\n\r\n");
    const auto text = answer();
    EXPECT_TRUE(has(text, "413 ") && has(text, "Connection: close")) << text;
    EXPECT_EQ(application.handled, 1);
}

TEST_F(ConnectionTest, BoundsAChunkedBody) {
    send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n");
    EXPECT_TRUE(has(answer(), "413 "));
}

TEST_F(ConnectionTest, AMalformedChunkIsRefused) {
    send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    EXPECT_TRUE(has(answer(), "400 "));
}

TEST_F(ConnectionTest, SendsContinueWhenAskedAndAdmitted) {
    EXPECT_EQ(send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
              Wait::readable);
    EXPECT_EQ(answer(), "HTTP/1.1 100 Continue\r\n\r\n");
    send("one");
    EXPECT_TRUE(has(answer(), "200 OK"));
}

TEST_F(ConnectionTest, RefusesInsteadOfContinue) {
    send("POST /denied HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    const auto text = answer();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 403 ") && has(text, "Connection: close")) << text;
}

TEST_F(ConnectionTest, ARefusedRequestWithASmallBodyKeepsTheConnection) {
    send("POST /denied HTTP/1.1\r\nHost: a\r\nContent-Length: 16\r\n\r\nGET /hello HTTP/");
    auto text = answer();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 403 ") && !has(text, "Connection: close")) << text;
    send(kHello);
    EXPECT_TRUE(has(answer(), "200 OK"));
    EXPECT_EQ(application.handled, 1);
    send("POST /denied HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
    text = answer();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 403 ") && has(text, "Connection: close")) << text;
}

TEST_F(ConnectionTest, HeadHasTheLengthAndNoBody) {
    send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto text = answer();
    EXPECT_TRUE(has(text, "Content-Length: 5\r\n") && text.ends_with("\r\n\r\n")) << text;
}

TEST_F(ConnectionTest, FieldsOfAHandlerCannotBreakTheMessage) {
    send("GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto text = answer();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 204 No Content\r\n")) << text;
    EXPECT_FALSE(has(text, "Injected") || has(text, "Content-Length")) << text;
}

TEST_F(ConnectionTest, SpeaksHttp10) {
    send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_TRUE(has(answer(), "Connection: keep-alive"));
    send("GET /hello HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(has(answer(), "Connection: close"));
    EXPECT_TRUE(wire.server_ended);
}

TEST_F(ConnectionTest, AnExceptionIsADefect) {
    send("GET /throws HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto text = answer();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 500 ")) << text;
    EXPECT_FALSE(has(text, "on purpose"));
}

TEST_F(ConnectionTest, ASlowHeaderIsGivenUp) {
    send("GET /hello HT");
    now += limits.header_time - 1s;
    EXPECT_EQ(connection->tick(now), std::nullopt);
    send("TP/1.1\r\nX");  // more bytes buy no more time
    now += 1s;
    ASSERT_TRUE(connection->tick(now));
    EXPECT_TRUE(has(answer(), "408 "));
    EXPECT_TRUE(wire.server_ended);
}

TEST_F(ConnectionTest, ASlowBodyIsGivenUp) {
    send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\no");
    EXPECT_EQ(connection->tick(now + limits.body_time - 1s), std::nullopt);
    ASSERT_TRUE(connection->tick(now + limits.body_time));
    EXPECT_TRUE(has(answer(), "408 "));
}

TEST_F(ConnectionTest, AnIdleConnectionEndsWithoutAWord) {
    send(kHello);
    answer();
    EXPECT_EQ(connection->tick(now + limits.idle_time - 1s), std::nullopt);
    EXPECT_EQ(connection->tick(now + limits.idle_time), Wait::end);
    EXPECT_EQ(answer(), "");
}

TEST_F(ConnectionTest, AClientThatDoesNotReadIsGivenUp) {
    wire.room = 100'000;
    EXPECT_EQ(send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"), Wait::writable);
    EXPECT_EQ(connection->tick(now + limits.write_time - 1s), std::nullopt);
    EXPECT_EQ(connection->tick(now + limits.write_time), Wait::end);
}

TEST_F(ConnectionTest, ALargeAnswerGoesOutInPieces) {
    wire.room = 1000;
    auto wait = send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    while (wait == Wait::writable) {
        wire.room = 50'000;
        wait = settle(connection->ready(now));
    }
    EXPECT_EQ(wait, Wait::readable);
    const auto text = answer();
    EXPECT_EQ(text.size() - text.find("\r\n\r\n") - 4, std::size_t{1} << 20);
}

TEST_F(ConnectionTest, AClientThatGoesIsForgotten) {
    wire.client_closed = true;
    EXPECT_EQ(send(""), Wait::end);
}

TEST_F(ConnectionTest, DrainEndsIdleOnes) {
    send(kHello);
    answer();
    EXPECT_EQ(connection->drain(now), Wait::end);
}

TEST_F(ConnectionTest, DrainGivesANewConnectionTimeForItsRequest) {
    draining = true;
    EXPECT_EQ(connection->drain(now), std::nullopt);
    EXPECT_EQ(connection->tick(now + 999ms), std::nullopt);
    send(kHello);
    const auto text = answer();
    EXPECT_TRUE(has(text, "200 OK") && has(text, "Connection: close")) << text;
    connection = std::make_shared<Connection>(environment, answers, std::make_unique<MemoryStream>(wire),
                                              std::make_shared<Peer>(), now);
    EXPECT_EQ(connection->tick(now + 1s), Wait::end);
}

TEST_F(ConnectionTest, DrainAnswersARequestThatHasComeButWasNotRead) {
    send(kHello);
    answer();
    draining = true;
    wire.to_server += kHello;
    const auto wait = connection->drain(now);
    ASSERT_TRUE(wait);
    settle(*wait);
    const auto text = answer();
    EXPECT_TRUE(has(text, "200 OK") && has(text, "Connection: close")) << text;
}

TEST_F(ConnectionTest, DrainAnswersWhatHasBegun) {
    send("GET /hel");
    EXPECT_EQ(connection->drain(now), std::nullopt);
    draining = true;
    send("lo HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto text = answer();
    EXPECT_TRUE(has(text, "200 OK") && has(text, "Connection: close")) << text;
}

TEST_F(ConnectionTest, EndsAfterItsShareOfRequests) {
    limits.requests_per_connection = 2;
    send(kHello);
    EXPECT_FALSE(has(answer(), "Connection: close"));
    send(kHello);
    EXPECT_TRUE(has(answer(), "Connection: close"));
}

TEST_F(ConnectionTest, TurnsAwayWithAWord) {
    EXPECT_EQ(connection->turn_away(now), Wait::readable);
    const auto text = answer();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 503 ") && has(text, "Retry-After: 1") &&
                has(text, "Connection: close"))
        << text;
    EXPECT_EQ(connection->tick(now + 1s), Wait::end);
}

TEST_F(ConnectionTest, LingersForABoundedTimeAndAmount) {
    send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(send(std::string(100'000, 'x')), Wait::readable);
    EXPECT_EQ(send(std::string(200'000, 'x')), Wait::end);
}

TEST_F(ConnectionTest, AFullQueueAnswers503AndKeepsTheConnection) {
    std::vector<std::shared_ptr<Connection>> others;
    std::deque<Wire> wires;
    for (int i = 0; i < 6; ++i) {  // two run, four wait
        auto& other = wires.emplace_back();
        other.to_server = "GET /blocked HTTP/1.1\r\nHost: a\r\n\r\n";
        others.push_back(std::make_shared<Connection>(
            environment, answers, std::make_unique<MemoryStream>(other), std::make_shared<Peer>(), now));
        EXPECT_EQ(others.back()->ready(now), Wait::answer);
        if (i < 2) application.wait_until_blocked(i + 1);
    }
    EXPECT_EQ(send(kHello), Wait::readable);
    auto text = answer();
    EXPECT_TRUE(text.starts_with("HTTP/1.1 503 ") && has(text, "Retry-After: ")) << text;
    EXPECT_FALSE(has(text, "Connection: close"));
    application.release();
    for (int i = 0; i < 6; ++i)
        answers.take()->answered(now);
    for (const auto& other : wires)
        EXPECT_TRUE(has(other.to_client, "200 OK"));
    send(kHello);
    EXPECT_TRUE(has(answer(), "200 OK"));
}

TEST_F(ConnectionTest, ARequestThatWaitedTooLongIsNotRun) {
    limits.request_time = -1s;
    send(kHello);
    EXPECT_TRUE(has(answer(), "503 "));
    EXPECT_EQ(application.handled, 0);
}

}  // namespace
}  // namespace signet::http
