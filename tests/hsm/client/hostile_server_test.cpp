// The client before servers that do not do what ours does.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/random.h"
#include "base/unique_fd.h"
#include "hsm/client/token_client.h"
#include "hsm/frames/frame.h"
#include "hsm/frames/messages.h"
#include "tests/support/process.h"

namespace signet {
namespace {

using namespace std::chrono_literals;
using frames::FrameKind;
using signet::testing::TempDirectory;

// Accepts connections one after the other and answers each batch of bytes with what the script makes of it.
class ScriptedServer {
  public:
    using Script = std::function<Bytes(const frames::Frame&)>;

    explicit ScriptedServer(Script script) : script_(std::move(script)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().native().copy(address.sun_path, sizeof(address.sun_path) - 1);
        listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        EXPECT_EQ(listen(listener_.get(), 8), 0);
        thread_ = std::thread([this] { run(); });
    }
    ~ScriptedServer() {
        stopping_ = true;
        shutdown(listener_.get(), SHUT_RDWR);
        shutdown(connection_, SHUT_RDWR);
        thread_.join();
    }
    std::filesystem::path path() const { return directory_ / "sock"; }

  private:
    void run() {
        while (!stopping_) {
            const UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!connection) return;
            connection_ = connection.get();
            serve(connection.get());
            connection_ = -1;
        }
    }
    void serve(int fd) {
        frames::FrameBuffer input;
        for (;;) {
            const auto space = input.space();
            const auto n = recv(fd, space.data(), space.size(), 0);
            if (n <= 0) return;
            input.filled(static_cast<std::size_t>(n));
            for (auto frame = input.next(); frame && *frame; frame = input.next()) {
                const auto answer = script_(**frame);
                if (answer.empty()) return;
                if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
            }
        }
    }

    TempDirectory directory_;
    Script script_;
    UniqueFd listener_;
    std::atomic<int> connection_{-1};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

Bytes welcome(std::uint8_t version = frames::kVersion) {
    Bytes message, out;
    EXPECT_TRUE(frames::encode(message, frames::Welcome{version, "test 1", 1}));
    frames::append_frame(out, {.kind = FrameKind::welcome}, message);
    return out;
}

Bytes error_frame(const Error& error) {
    Bytes message, out;
    frames::encode_error(message, error);
    frames::append_frame(out, {.kind = FrameKind::error}, message);
    return out;
}

Result<Bytes> ask(const ScriptedServer& server, std::chrono::milliseconds hello_time = 5000ms) {
    const auto client = TokenClient::create({.socket = server.path(), .hello_time = hello_time});
    return client->random(8, Deadline::in(20s));
}

TEST(HostileServer, AVersionMismatchIsNamed) {
    const ScriptedServer server([](const frames::Frame&) {
        return error_frame(frames::agree_on_version({77, 78, "signet client"}).error());
    });
    const auto answer = ask(server);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::unsupported);
    EXPECT_NE(answer.error().message.find("version 77 to 78"), std::string::npos) << answer.error().message;
}

TEST(HostileServer, AWelcomeOfAVersionThatWasNotOfferedIsRefused) {
    const ScriptedServer server([](const frames::Frame&) { return welcome(frames::kVersion + 1); });
    EXPECT_EQ(ask(server).error().code, ErrorCode::token_unavailable);
}

TEST(HostileServer, SilenceEndsAfterTheHelloTime) {
    const ScriptedServer server([](const frames::Frame&) {
        return Bytes{0};  // the first byte of a frame that never comes
    });
    const auto answer = ask(server, 200ms);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::token_unavailable);
    EXPECT_NE(answer.error().message.find("says nothing"), std::string::npos) << answer.error().message;
}

TEST(HostileServer, GarbageInsteadOfAWelcomeIsRefused) {
    const ScriptedServer server([](const frames::Frame&) { return Bytes(100, 0xFF); });
    EXPECT_EQ(ask(server).error().code, ErrorCode::token_unavailable);
}

TEST(HostileServer, GarbageInsteadOfAnAnswerFailsTheRequest) {
    for (int round = 0; round < 30; ++round) {
        const ScriptedServer server([](const frames::Frame& frame) {
            return frame.header.kind == FrameKind::hello ? welcome() : random_bytes(64);
        });
        const auto client = TokenClient::create({.socket = server.path()});
        const auto answer = client->random(8, Deadline::in(500ms));
        ASSERT_FALSE(answer);
        EXPECT_TRUE(answer.error().code == ErrorCode::token_unavailable ||
                    answer.error().code == ErrorCode::deadline_exceeded);
    }
}

TEST(HostileServer, AnAnswerOfAnotherOperationIsRefused) {
    const ScriptedServer server([](const frames::Frame& frame) {
        if (frame.header.kind == FrameKind::hello) return welcome();
        Bytes out;
        frames::append_frame(
            out, {.kind = FrameKind::reply, .operation = frames::Operation::sign, .id = frame.header.id},
            Bytes{0, 0, 0, 1, 5});
        return out;
    });
    EXPECT_EQ(ask(server).error().code, ErrorCode::token_unavailable);
}

TEST(HostileServer, AnAnswerToNobodyIsPassedOver) {
    const ScriptedServer server([](const frames::Frame& frame) {
        if (frame.header.kind == FrameKind::hello) return welcome();
        Bytes out;
        for (const std::uint64_t id : {frame.header.id + 1, frame.header.id + 65536, frame.header.id})
            frames::append_frame(out,
                                 {.kind = FrameKind::reply, .operation = frame.header.operation, .id = id},
                                 Bytes{0, 0, 0, 1, static_cast<std::uint8_t>(id == frame.header.id)});
        return out;
    });
    EXPECT_EQ(ask(server), Bytes{1});
}

TEST(HostileServer, AnUnreadableAnswerIsAnErrorOfItsRequestAlone) {
    const ScriptedServer server([](const frames::Frame& frame) {
        if (frame.header.kind == FrameKind::hello) return welcome();
        Bytes out;
        frames::append_frame(
            out, {.kind = FrameKind::reply, .operation = frame.header.operation, .id = frame.header.id},
            Bytes{9, 9});
        return out;
    });
    const auto client = TokenClient::create({.socket = server.path()});
    EXPECT_EQ(client->random(8, Deadline::in(20s)).error().code, ErrorCode::internal);
    EXPECT_EQ(client->random(8, Deadline::in(20s)).error().code, ErrorCode::internal);
    EXPECT_EQ(client->counters().connections, 1U);
}

TEST(HostileServer, WhatWasInFlightWhenTheConnectionBrokeFailsClearly) {
    const ScriptedServer server([](const frames::Frame& frame) {
        return frame.header.kind == FrameKind::hello ? welcome() : Bytes();  // closes at the first request
    });
    const auto client = TokenClient::create({.socket = server.path()});
    const auto read = client->random(8, Deadline::in(20s));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::token_unavailable);
    EXPECT_TRUE(read.error().retry_after);
    EXPECT_EQ(read.error().message.find("unknown"), std::string::npos) << read.error().message;
    const auto change =
        client->generate_key({{"new", 1}, KeyAlgorithm::ec_p256, KeyUsage::sign}, Deadline::in(20s));
    ASSERT_FALSE(change);
    EXPECT_EQ(change.error().code, ErrorCode::token_unavailable);
    EXPECT_NE(change.error().message.find("unknown"), std::string::npos) << change.error().message;
}

TEST(HostileServer, AServerThatDropsConnectionsIsAskedWithBackOff) {
    std::atomic<int> hellos{0};
    const ScriptedServer server([&](const frames::Frame&) {
        ++hellos;
        return Bytes();  // closes
    });
    const auto client = TokenClient::create({.socket = server.path(), .first_back_off = 100ms});
    const auto end = std::chrono::steady_clock::now() + 1s;
    int asked = 0;
    while (std::chrono::steady_clock::now() < end) {
        const auto answer = client->random(8, Deadline::in(20s));
        ASSERT_FALSE(answer);
        ASSERT_EQ(answer.error().code, ErrorCode::token_unavailable);
        ++asked;
    }
    EXPECT_GT(asked, 100) << "requests fail at once in between";
    EXPECT_LT(hellos, 20);
}

// What is asked before the server greets is held, within bounds, and each request gets an answer.
TEST(HostileServer, WhatIsHeldBeforeTheWelcomeIsBoundedAndNothingIsLost) {
    std::atomic<bool> greet{false};
    std::atomic<int> requests{0};
    const ScriptedServer server([&](const frames::Frame& frame) {
        if (frame.header.kind == FrameKind::hello) {
            greet.wait(false);
            return welcome();
        }
        ++requests;
        Bytes out;
        frames::append_frame(
            out, {.kind = FrameKind::error, .operation = frame.header.operation, .id = frame.header.id}, {});
        return out;
    });
    constexpr int kAsked = 90;  // of 1 MiB each: more than is held
    std::atomic<int> answered{0};
    std::atomic<int> overloaded{0};
    {
        const auto client = TokenClient::create({.socket = server.path(), .hello_time = 60s});
        for (int i = 0; i < kAsked; ++i) {
            client->sign_async(
                {KeyId{"a", 1}, SignAlgorithm::eddsa, KeyUsage::sign, Bytes(std::size_t{1} << 20)},
                Deadline::in(60s), [&](const Result<Bytes>& answer) {
                    if (answer.error().code == ErrorCode::overloaded) ++overloaded;
                    if (++answered == kAsked) answered.notify_all();
                });
        }
        EXPECT_GT(overloaded, 20);
        EXPECT_EQ(answered, overloaded);
        greet = true;
        greet.notify_all();
        for (int seen = answered; seen < kAsked; seen = answered)
            answered.wait(seen);
    }
    EXPECT_EQ(requests + overloaded, kAsked);
}

}  // namespace
}  // namespace signet
