#include "hsm/client/token_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "tests/support/local_token_server.h"
#include "tests/support/software_token.h"

namespace signet {
namespace {

using namespace std::chrono_literals;
using signet::testing::eventually;
using signet::testing::LocalTokenServer;
using signet::testing::SoftwareToken;

Deadline soon() {
    return Deadline::in(20s);
}

// Holds the token's operations until opened.
class Gate {
  public:
    SoftwareToken::Fault fault(std::string operation) {
        return [this, operation](std::string_view name) -> std::optional<Error> {
            if (name != operation) return std::nullopt;
            std::unique_lock lock(mutex_);
            ++waiting_;
            changed_.notify_all();
            changed_.wait(lock, [this] { return open_; });
            return std::nullopt;
        };
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void wait_for(int waiting) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_ >= waiting; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int waiting_ = 0;
    bool open_ = false;
};

class TokenClientTest : public ::testing::Test {
  protected:
    TokenClientTest() {
        token.make("signer", KeyAlgorithm::ec_p256, KeyUsage::sign);
        token.make("mac", KeyAlgorithm::hmac_256, KeyUsage::mac);
    }
    ~TokenClientTest() override { gate.open(); }
    static SignRequest sign_request() {
        return {KeyId{"signer", 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32, 7)};
    }
    static MacRequest mac_request(std::uint8_t fill = 1) {
        return {KeyId{"mac", 1}, MacAlgorithm::hs256, Bytes(40, fill)};
    }

    // The server's threads may stand in it until the server is gone.
    Gate gate;
    SoftwareToken token;
    LocalTokenServer server{token};
    std::unique_ptr<TokenClient> client = TokenClient::create({.socket = server.socket()});
};

TEST_F(TokenClientTest, EveryMethodReachesTheToken) {
    EXPECT_TRUE(client->status(soon()));
    const auto made = client->generate_key(
        {{"made", 1}, KeyAlgorithm::rsa_2048, KeyUsage::sign | KeyUsage::decrypt}, soon());
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_FALSE(made->public_key.empty());
    const auto keys = client->list_keys(soon());
    ASSERT_TRUE(keys);
    EXPECT_EQ(keys->size(), 3U);
    EXPECT_EQ(client->find_key({"made", 1}, soon())->public_key, made->public_key);
    EXPECT_TRUE(client->forget_key({"made", 1}, soon()));
    EXPECT_TRUE(client->sign(sign_request(), soon()));
    const auto batch = client->sign_batch(
        {KeyId{"made", 1}, SignAlgorithm::rs256, KeyUsage::sign, {Bytes(32, 1), Bytes(32, 2), Bytes(32, 3)}},
        soon());
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->size(), 3U);
    const auto mac = client->mac(mac_request(), soon());
    ASSERT_TRUE(mac);
    EXPECT_EQ(*mac, *token.mac(mac_request(), soon()));
    EXPECT_TRUE(*client->mac_verify(mac_request(), *mac, soon()));
    EXPECT_FALSE(*client->mac_verify(mac_request(2), *mac, soon()));
    EXPECT_EQ(client
                  ->decrypt({KeyId{"made", 1}, HashAlgorithm::sha256, HashAlgorithm::sha256, {}, Bytes(256)},
                            soon())
                  .error()
                  .code,
              ErrorCode::token_refused);
    EXPECT_EQ(client->random(33, soon())->size(), 33U);
    ASSERT_TRUE(client->generate_key({{"seal", 1}, KeyAlgorithm::aes_256, KeyUsage::seal}, soon()));
    const Bytes plaintext(100, 9);
    const auto sealed = client->seal({{"seal", 1}, Bytes{1}, plaintext}, soon());
    ASSERT_TRUE(sealed) << sealed.error().message;
    EXPECT_EQ(to_bytes(client->unseal({{"seal", 1}, Bytes{1}, *sealed}, soon())->view()), plaintext);
    ASSERT_TRUE(client->generate_key({{"wrap", 1}, KeyAlgorithm::aes_256, KeyUsage::wrap}, soon()));
    ASSERT_TRUE(client->generate_key({{"wrap", 2}, KeyAlgorithm::aes_256, KeyUsage::wrap}, soon()));
    ASSERT_TRUE(client->generate_key({{"bind", 1}, KeyAlgorithm::hmac_256, KeyUsage::bind}, soon()));
    const auto wrapped = client->generate_wrapped(
        {{"wrap", 1}, {"bind", 1}, {"owner", "class", 1, 1, KeyAlgorithm::ec_p256, KeyUsage::sign}}, soon());
    ASSERT_TRUE(wrapped) << wrapped.error().message;
    const auto rewrapped = client->rewrap({wrapped->key, {"wrap", 2}, {"bind", 1}}, soon());
    ASSERT_TRUE(rewrapped) << rewrapped.error().message;
    EXPECT_TRUE(client->sign({*rewrapped, SignAlgorithm::es256, KeyUsage::sign, Bytes(32)}, soon()));
    const auto imported =
        client->import_secret({KeyId{"made", 1},
                               HashAlgorithm::sha256,
                               HashAlgorithm::sha256,
                               {},
                               Bytes(256),
                               {"owner", "class", 1, 1, KeyAlgorithm::aes_128, KeyUsage::payment},
                               {"wrap", 2},
                               {"bind", 1}},
                              soon());
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().code, ErrorCode::token_refused);
    const auto clear = client->generate_clear({KeyAlgorithm::rsa_2048}, soon());
    ASSERT_TRUE(clear) << clear.error().message;
    EXPECT_GT(clear->private_key.size(), 1000U);
    EXPECT_FALSE(clear->public_key.empty());
    ASSERT_TRUE(client->generate_key({{"audit", 1}, KeyAlgorithm::ec_p256, KeyUsage::audit}, soon()));
    EXPECT_TRUE(client->sign_checkpoint({{"audit", 1}, 5, {}}, soon()));
    EXPECT_EQ((*client->read_anchor(soon()))->sequence, 5U);
    EXPECT_TRUE(client->list_certificates(soon()));
    EXPECT_TRUE(client->destroy_key({"made", 1}, soon()));
    const auto gone = client->find_key({"made", 1}, soon());
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, ErrorCode::not_found);
    EXPECT_EQ(client->counters().connections, 1U);
}

TEST_F(TokenClientTest, ErrorsKeepAllTheirParts) {
    token.set_fault([](std::string_view) {
        return Error{ErrorCode::token_full, "no room", "CKR_DEVICE_MEMORY", std::chrono::seconds(17)};
    });
    const auto answer = client->sign(sign_request(), soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::token_full);
    EXPECT_EQ(answer.error().message, "no room");
    EXPECT_EQ(answer.error().detail, "CKR_DEVICE_MEMORY");
    EXPECT_EQ(answer.error().retry_after, std::chrono::seconds(17));
}

TEST_F(TokenClientTest, ManyThreadsShareOneConnectionAndGetTheirOwnAnswers) {
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int thread = 0; thread < 16; ++thread) {
        threads.emplace_back([&, thread] {
            const auto request = mac_request(static_cast<std::uint8_t>(thread));
            const auto expected = token.mac(request, soon());
            for (int i = 0; i < 300; ++i) {
                const auto answer = client->mac(request, soon());
                if (!answer || *answer != *expected) ++wrong;
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(client->counters().connections, 1U);
    EXPECT_EQ(client->counters().requests, 16U * 300U);
}

TEST_F(TokenClientTest, AsyncCallsCompleteElsewhereAndMayCallAgain) {
    std::promise<Result<Bytes>> second;
    std::thread::id completed_on;
    client->sign_async(sign_request(), soon(), [&](Result<Bytes> first) {
        ASSERT_TRUE(first);
        completed_on = std::this_thread::get_id();
        client->mac_async(mac_request(), soon(),
                          [&](Result<Bytes> answer) { second.set_value(std::move(answer)); });
    });
    const auto answer = second.get_future().get();
    ASSERT_TRUE(answer);
    EXPECT_EQ(*answer, *token.mac(mac_request(), soon()));
    EXPECT_NE(completed_on, std::this_thread::get_id());
}

TEST_F(TokenClientTest, ADeadlineEndsTheWaitAndALateAnswerFindsNobody) {
    token.set_fault(gate.fault("sign"));
    const auto answer = client->sign(sign_request(), Deadline::in(200ms));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::deadline_exceeded);
    gate.open();
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(*client->mac(mac_request(3), soon()), *token.mac(mac_request(3), soon()));
    EXPECT_EQ(client->sign(sign_request(), Deadline::in(-1ms)).error().code, ErrorCode::deadline_exceeded);
}

TEST_F(TokenClientTest, ADeadlineOfAChangeSaysThatTheOutcomeIsUnknown) {
    token.set_fault(gate.fault("generate_key"));
    const auto answer =
        client->generate_key({{"new", 1}, KeyAlgorithm::ec_p256, KeyUsage::sign}, Deadline::in(200ms));
    gate.open();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::deadline_exceeded);
    EXPECT_NE(answer.error().message.find("unknown"), std::string::npos) << answer.error().message;
}

TEST_F(TokenClientTest, WithoutServerItFailsAtOnceAndRecoversByItself) {
    ASSERT_TRUE(client->sign(sign_request(), soon()));
    server.stop();
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(eventually([&] { return !client->sign(sign_request(), soon()); }));
    const auto answer = client->sign(sign_request(), soon());
    ASSERT_FALSE(answer);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s) << "it must not wait for the deadline";
    EXPECT_EQ(answer.error().code, ErrorCode::token_unavailable);
    EXPECT_NE(answer.error().message.find(server.socket().string()), std::string::npos)
        << answer.error().message;
    server.start();
    EXPECT_TRUE(eventually([&] { return client->sign(sign_request(), soon()).has_value(); }));
}

TEST_F(TokenClientTest, AGentleSwapLosesNothing) {
    std::atomic<bool> stop{false};
    std::atomic<int> failures{0}, successes{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            while (!stop)
                (client->mac(mac_request(), soon()) ? successes : failures)++;
        });
    }
    for (int swap = 0; swap < 5; ++swap) {
        const int before = successes;
        ASSERT_TRUE(eventually([&] { return successes > before + 200; }));
        server.swap();
    }
    EXPECT_TRUE(server.old_ones_drained());
    stop = true;
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(failures, 0);
    EXPECT_GE(client->counters().connections, 5U);
}

TEST_F(TokenClientTest, LongAnswersArriveInParts) {
    constexpr int kKeys = 12'000;  // about 120 bytes each, in parts of 1 MiB
    for (int i = 0; i < kKeys; ++i)
        token.make("key" + std::to_string(i), KeyAlgorithm::ec_p256, KeyUsage::sign);
    const auto listed = client->list_keys(soon());
    ASSERT_TRUE(listed) << listed.error().message;
    const auto expected = token.list_keys(soon());
    ASSERT_EQ(listed->size(), expected->size());
    ASSERT_GT(listed->size(), std::size_t{kKeys});
    for (std::size_t i = 0; i < listed->size(); ++i) {
        ASSERT_EQ((*listed)[i].id, (*expected)[i].id);
        ASSERT_EQ((*listed)[i].public_key, (*expected)[i].public_key);
    }
}

TEST_F(TokenClientTest, RequestsOverTheirBoundAreRefusedBeforeTheyAreSent) {
    auto request = mac_request();
    request.data = Bytes((std::size_t{1} << 20) + 1);
    EXPECT_EQ(client->mac(request, soon()).error().code, ErrorCode::too_large);
    SignBatchRequest batch{KeyId{"signer", 1}, SignAlgorithm::eddsa, KeyUsage::sign, {}};
    for (int i = 0; i < 5; ++i)
        batch.inputs.emplace_back(std::size_t{1} << 20);
    EXPECT_EQ(client->sign_batch(batch, soon()).error().code, ErrorCode::too_large);
    EXPECT_EQ(client->random(5000, soon()).error().code, ErrorCode::too_large);
}

TEST_F(TokenClientTest, AServerOfAnotherUserIsRefused) {
    const auto strict = TokenClient::create({.socket = server.socket(), .server_uid = geteuid() + 1});
    const auto answer = strict->sign(sign_request(), soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::permission_denied);
    const auto right = TokenClient::create({.socket = server.socket(), .server_uid = geteuid()});
    EXPECT_TRUE(right->sign(sign_request(), soon()));
}

TEST_F(TokenClientTest, ItsEndCancelsWhatIsInFlight) {
    token.set_fault(gate.fault("sign"));
    std::promise<Result<Bytes>> promise;
    client->sign_async(sign_request(), soon(),
                       [&](Result<Bytes> answer) { promise.set_value(std::move(answer)); });
    gate.wait_for(1);
    client.reset();
    const auto answer = promise.get_future().get();
    gate.open();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::cancelled);
}

TEST_F(TokenClientTest, TooManyInFlightIsOverloaded) {
    token.set_fault(gate.fault("sign"));
    const auto small = TokenClient::create({.socket = server.socket(), .max_in_flight = 2});
    std::atomic<int> done{0};
    for (int i = 0; i < 2; ++i)
        small->sign_async(sign_request(), soon(), [&](const Result<Bytes>&) { ++done; });
    const auto third = small->sign(sign_request(), soon());
    gate.open();
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, ErrorCode::overloaded);
    EXPECT_TRUE(third.error().retry_after);
    EXPECT_TRUE(eventually([&] { return done == 2; }));
}

}  // namespace
}  // namespace signet
