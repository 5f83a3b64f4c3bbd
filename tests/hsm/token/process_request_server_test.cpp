// The worker's engine over a token in software: queues, lanes, deadlines, bounds.
#include "hsm/token/request_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <set>

#include "hsm/client/token_client.h"
#include "tests/support/local_token_server.h"
#include "tests/support/software_token.h"

namespace signet::testing {
namespace {

using namespace std::chrono_literals;
using token::RequestServer;
using token::ServerOptions;

Deadline soon() {
    return Deadline::in(20s);
}

// Holds the named operations, as a module that does not come back.
class Hold {
  public:
    explicit Hold(std::set<std::string, std::less<>> operations) : operations_(std::move(operations)) {}
    std::optional<Error> operator()(std::string_view operation) {
        std::unique_lock lock(mutex_);
        ++seen_;
        if (!operations_.contains(operation)) return std::nullopt;
        ++held_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
        return std::nullopt;
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    bool wait_for(int held) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 20s, [&] { return held_ >= held; });
    }
    int seen() {
        const std::lock_guard lock(mutex_);
        return seen_;
    }

  private:
    std::set<std::string, std::less<>> operations_;
    std::mutex mutex_;
    std::condition_variable changed_;
    int held_ = 0;
    int seen_ = 0;
    bool open_ = false;
};

class RequestServerTest : public ::testing::Test {
  protected:
    void start(ServerOptions options) {
        token.make("signer", KeyAlgorithm::ec_p256, KeyUsage::sign);
        server.emplace(token, std::move(options));
        client = TokenClient::create({.socket = server->socket()});
    }
    void hold(std::set<std::string, std::less<>> operations) {
        held = std::make_unique<Hold>(std::move(operations));
        token.set_fault([this](std::string_view operation) { return (*held)(operation); });
    }
    ~RequestServerTest() override {
        if (held) held->open();
    }
    Result<Bytes> sign(const std::string& key = "signer", Deadline deadline = soon()) {
        const auto algorithm = key == "big" ? SignAlgorithm::rs256 : SignAlgorithm::es256;
        return client->sign({KeyId{key, 1}, algorithm, KeyUsage::sign, Bytes(32)}, deadline);
    }

    Result<token::WorkerPage> page = token::WorkerPage::create();
    SoftwareToken token;
    std::unique_ptr<Hold> held;
    std::optional<LocalTokenServer> server;
    std::unique_ptr<TokenClient> client;
};

TEST_F(RequestServerTest, GeneratingDoesNotStandInFrontOfSigning) {
    start({.threads = 1});
    hold({"generate_key"});
    auto generated = std::async(std::launch::async, [&] {
        return client->generate_key({{"new", 1}, KeyAlgorithm::ec_p256, KeyUsage::sign}, soon());
    });
    ASSERT_TRUE(held->wait_for(1));
    for (int i = 0; i < 20; ++i)
        ASSERT_TRUE(sign());
    held->open();
    EXPECT_TRUE(generated.get());
}

TEST_F(RequestServerTest, SlowKeysDoNotStandInFrontOfFastOnes) {
    start({.threads = 1});
    token.make("big", KeyAlgorithm::rsa_3072, KeyUsage::sign);
    ASSERT_TRUE(sign("big"));  // the first request of a key shows how slow it is
    std::mutex mutex;
    std::condition_variable changed;
    bool inside = false, open = false;
    std::atomic<bool> hold_next{true};
    token.set_fault([&](std::string_view operation) -> std::optional<Error> {
        if (operation != "sign" || !hold_next.exchange(false)) return std::nullopt;
        std::unique_lock lock(mutex);
        inside = true;
        changed.notify_all();
        changed.wait(lock, [&] { return open; });
        return std::nullopt;
    });
    auto slow = std::async(std::launch::async, [&] { return sign("big"); });
    {
        std::unique_lock lock(mutex);
        ASSERT_TRUE(changed.wait_for(lock, 20s, [&] { return inside; }));
    }
    const auto fast = sign("signer", Deadline::in(10s));
    {
        const std::lock_guard lock(mutex);
        open = true;
        changed.notify_all();
    }
    EXPECT_TRUE(fast) << fast.error().message;
    EXPECT_TRUE(slow.get());
}

TEST_F(RequestServerTest, WhatExpiredInTheQueueIsNotExecuted) {
    start({.threads = 1});
    hold({"sign"});
    std::promise<Result<Bytes>> first, second;
    client->sign_async({KeyId{"signer", 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32)}, soon(),
                       [&](Result<Bytes> answer) { first.set_value(std::move(answer)); });
    ASSERT_TRUE(held->wait_for(1));
    const auto before = held->seen();
    // The client's own deadline is as long as the server's: whichever speaks, the request is dead.
    const auto expired = sign("signer", Deadline::in(100ms));
    EXPECT_EQ(expired.error().code, ErrorCode::deadline_exceeded);
    std::this_thread::sleep_for(50ms);
    held->open();
    EXPECT_TRUE(first.get_future().get());
    ASSERT_TRUE(client->status(soon()));
    EXPECT_TRUE(sign());
    // Of the expired one nothing reached the token: status and the last signature did.
    EXPECT_LE(held->seen() - before, 2);
}

TEST_F(RequestServerTest, AFullQueueAnswersOverloaded) {
    start({.threads = 1, .queue_limit = 4});
    hold({"sign"});
    std::atomic<int> good{0}, overloaded{0}, other{0};
    for (int i = 0; i < 20; ++i) {
        client->sign_async(
            {KeyId{"signer", 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32)}, soon(),
            [&](const Result<Bytes>& answer) {
                if (answer)
                    ++good;
                else if (answer.error().code == ErrorCode::overloaded && answer.error().retry_after)
                    ++overloaded;
                else
                    ++other;
            });
    }
    EXPECT_TRUE(eventually([&] { return overloaded == 16; }));
    held->open();
    EXPECT_TRUE(eventually([&] { return good == 4; }));
    EXPECT_EQ(other, 0);
    EXPECT_TRUE(sign());
}

TEST_F(RequestServerTest, QueuedBytesAreBoundedToo) {
    start({.threads = 1, .queue_bytes = std::size_t{3} << 20});
    token.make("mac", KeyAlgorithm::hmac_256, KeyUsage::mac);
    hold({"mac"});
    std::atomic<int> good{0}, overloaded{0};
    for (int i = 0; i < 8; ++i) {
        client->mac_async({KeyId{"mac", 1}, MacAlgorithm::hs256, Bytes(std::size_t{1} << 20)}, soon(),
                          [&](const Result<Bytes>& answer) { ++(answer ? good : overloaded); });
    }
    EXPECT_TRUE(eventually([&] { return overloaded == 6; })) << overloaded;
    held->open();
    EXPECT_TRUE(eventually([&] { return good == 2; }));
}

TEST_F(RequestServerTest, ALostTokenIsReportedAnsweredAndLeft) {
    std::atomic<bool> lost{false};
    std::promise<Error> reported;
    start({.threads = 2,
           .lost = [&] { return lost.load(); },
           .on_lost = [&](const Error& why) { reported.set_value(why); }});
    ASSERT_TRUE(sign());
    token.set_fault([&](std::string_view) {
        lost = true;
        return Error{ErrorCode::token_unavailable, "the token was pulled out", "CKR_DEVICE_REMOVED"};
    });
    const auto answer = sign();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().message, "the token was pulled out");
    EXPECT_EQ(reported.get_future().get().message, "the token was pulled out");
    // The server ended by itself; the listener is still there, and what connects now is not served.
    EXPECT_TRUE(eventually([&] { return !sign("signer", Deadline::in(200ms)); }));
    server.reset();
}

TEST_F(RequestServerTest, TheTokenIsProbedWhileNobodyAsks) {
    std::atomic<int> probes{0};
    start({.probe_interval = 20ms, .probe = [&] {
               ++probes;
               return Status();
           }});
    EXPECT_TRUE(eventually([&] { return probes >= 2; }));
    server.reset();  // before what it probes
}

TEST_F(RequestServerTest, ThreadsSayWhatTheyAreBusyWith) {
    ASSERT_TRUE(page);
    start({.threads = 1, .request_deadline = 100ms, .page = &*page});
    hold({"sign"});
    client->sign_async({KeyId{"signer", 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32)}, soon(),
                       [](const auto&) {});
    ASSERT_TRUE(held->wait_for(1));
    EXPECT_FALSE(page->overdue(std::chrono::steady_clock::now() - 1s, 1h));
    EXPECT_TRUE(eventually([&] { return page->overdue(std::chrono::steady_clock::now(), 1h).has_value(); }));
    const auto overdue = page->overdue(std::chrono::steady_clock::now() + 1s, 1h);
    ASSERT_TRUE(overdue);
    EXPECT_EQ(overdue->what, "sign");
    EXPECT_GE(overdue->busy, 1s);
    held->open();
    EXPECT_TRUE(eventually([&] { return !page->overdue(std::chrono::steady_clock::now() + 1s, 1h); }));
    // The I/O thread beats by itself, and its silence is seen.
    EXPECT_FALSE(page->overdue(std::chrono::steady_clock::now(), 1min));
    EXPECT_EQ(page->overdue(std::chrono::steady_clock::now() + 2min, 1min)->what, "the I/O thread");
}

TEST_F(RequestServerTest, ADrainWaitsForClientsOnlySoLong) {
    start({.drain_time = 100ms});
    const UniqueFd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));  // connects, and never leaves
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    server->socket().native().copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(connect(silent.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_TRUE(sign());
    server->swap();
    EXPECT_TRUE(server->old_ones_drained());
    EXPECT_TRUE(sign());
}

}  // namespace
}  // namespace signet::testing
