#include "daemon/service/outbox.h"

#include <atomic>
#include <deque>

#include "daemon/http/client.h"
#include "daemon/http/server.h"
#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

using namespace std::chrono_literals;
using sqlite::OutboxMessage;
using sqlite::OutboxState;
using testing::eventually;

// A real HTTP receiver: keeps what it got and answers what it is told to, 200 when nothing is.
class Receiver final : public http::Application {
  public:
    Receiver() {
        auto started =
            http::Server::start({{"plain", http::TcpSocket{"127.0.0.1", 0}, nullptr, 0}}, *this, {});
        if (!started) throw std::runtime_error(started.error().message);
        server = *std::move(started);
    }
    std::variant<http::Admitted, http::Response> admit(const http::RequestHead&) override {
        return http::Admitted{std::size_t{64} << 10, nullptr};
    }
    http::Response handle(http::Request request, const http::Admitted&) override {
        const std::lock_guard lock(mutex);
        got.push_back(std::string(http::to_string(request.verb)) + " " + request.path + " " + request.body);
        unsigned status = 200;
        if (!answers.empty()) {
            status = answers.front();
            answers.pop_front();
        }
        return {status, "text/plain", "answer", {}};
    }
    http::Response refuse(unsigned status, std::string_view, std::string_view) override {
        return {status, "text/plain", "", {}};
    }
    std::vector<std::string> received() {
        const std::lock_guard lock(mutex);
        return got;
    }
    void answer(std::initializer_list<unsigned> statuses) {
        const std::lock_guard lock(mutex);
        answers = statuses;
    }
    std::uint16_t port() const { return *server->port("plain"); }

    std::mutex mutex;
    std::vector<std::string> got;
    std::deque<unsigned> answers;
    std::unique_ptr<http::Server> server;
};

class OutboxTest : public ServiceTest {
  protected:
    OutboxTest() { make(); }
    ~OutboxTest() override { outbox.reset(); }

    void make() {
        outbox = std::make_unique<Outbox>(Outbox::Parts{
            *writer, *readers, clock, [this](const OutboxMessage& message) { return send(message); }});
    }
    // Over HTTP to the receiver, unless the test says otherwise.
    Result<OutboxReply> send(const OutboxMessage& message) {
        if (refusal) return std::unexpected(*refusal);
        http::Client client(http::Endpoint::tcp("127.0.0.1", receiver.port()));
        SIGNET_ASSIGN(auto answer, client.send(message.verb == "PUT" ? http::Verb::put : http::Verb::post,
                                               message.url, as_text(message.body)));
        return OutboxReply{answer.status, std::move(answer.body)};
    }
    std::int64_t enqueue(const std::string& destination, const std::string& body,
                         const std::string& kind = "test.plain") {
        std::int64_t id = 0;
        must(writer->run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_ASSIGN(id, outbox->enqueue(transaction, {.destination = destination,
                                                            .kind = kind,
                                                            .verb = "PUT",
                                                            .url = "/" + destination,
                                                            .body = to_bytes(body),
                                                            .context = "context of " + body}));
            return {};
        }));
        return id;
    }
    OutboxMessage message(std::int64_t id) {
        const auto db = must(readers->lease());
        auto found = must(sqlite::outbox_store::list(*db, std::nullopt, id - 1, 1));
        if (found.empty()) throw std::runtime_error("no such message");
        return found.front();
    }
    std::size_t deliver() { return must(outbox->deliver_due()); }

    Receiver receiver;
    std::optional<Error> refusal;
    std::unique_ptr<Outbox> outbox;
};

TEST_F(OutboxTest, DeliversInOrderForEachDestination) {
    enqueue("a", "1");
    enqueue("a", "2");
    enqueue("b", "1");
    enqueue("a", "3");
    EXPECT_EQ(deliver(), 4U);
    std::vector<std::string> to_a;
    for (const auto& got : receiver.received())
        if (got.starts_with("PUT /a")) to_a.push_back(got);
    EXPECT_EQ(to_a, (std::vector<std::string>{"PUT /a 1", "PUT /a 2", "PUT /a 3"}));
    EXPECT_EQ(receiver.received().size(), 4U);
    EXPECT_EQ(deliver(), 0U);
    EXPECT_EQ(message(1).state, OutboxState::delivered);
    EXPECT_TRUE(message(1).body.empty()) << "what was delivered is not kept";
}

TEST_F(OutboxTest, NothingIsSentThatWasNotCommitted) {
    const auto rolled_back = writer->run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(outbox->enqueue(transaction, {.destination = "a", .kind = "test.plain", .url = "/a"}));
        return std::unexpected(Error{ErrorCode::conflict, "on purpose", {}});
    });
    EXPECT_FALSE(rolled_back);
    EXPECT_EQ(deliver(), 0U);
    EXPECT_TRUE(receiver.received().empty());
}

TEST_F(OutboxTest, BacksOffLongerEachTimeAndHoldsLaterMessagesBack) {
    const auto first = enqueue("a", "1");
    enqueue("a", "2");
    enqueue("b", "1");
    receiver.answer({503, 200});
    EXPECT_EQ(deliver(), 2U) << "a failed, b was sent, the second to a waits for the first";
    auto waiting = message(first);
    EXPECT_EQ(waiting.attempts, 1U);
    EXPECT_EQ(waiting.last_error, "the receiver answered 503");
    std::chrono::milliseconds least = 2s;
    for (int failures = 1; failures < 4; ++failures) {
        const auto wait = waiting.next_at - clock.now();
        EXPECT_GE(wait, least);
        EXPECT_LE(wait, least * 5 / 4);
        clock.set(waiting.next_at - 1ms);
        EXPECT_EQ(deliver(), 0U);
        clock.set(waiting.next_at);
        receiver.answer({500});
        EXPECT_EQ(deliver(), 1U);
        waiting = message(first);
        least *= 2;
    }
    clock.set(waiting.next_at);
    EXPECT_EQ(deliver(), 2U);
    const auto got = receiver.received();
    EXPECT_EQ(got.back(), "PUT /a 2");
    EXPECT_EQ(got[got.size() - 2], "PUT /a 1");
}

TEST_F(OutboxTest, TheWaitHasALongestAndTheTriesAnEnd) {
    std::vector<std::string> buried;
    outbox->add_kind("test.short", {.dead = [&](sqlite::Transaction&, const OutboxMessage& message,
                                                std::string_view why) -> Status {
                                        buried.push_back(message.context + ": " + std::string(why));
                                        return {};
                                    },
                                    .first_wait = 1s,
                                    .longest_wait = 4s,
                                    .give_up = 60s});
    refusal = Error{ErrorCode::cancelled, "nobody is there", {}};
    const auto id = enqueue("a", "1", "test.short");
    const auto start = clock.now();
    while (message(id).state == OutboxState::waiting) {
        EXPECT_EQ(deliver(), 1U);
        const auto now = message(id);
        if (now.state != OutboxState::waiting) break;
        EXPECT_LE(now.next_at - clock.now(), 5s);
        clock.set(now.next_at);
        ASSERT_LT(clock.now() - start, 61s);
    }
    EXPECT_EQ(message(id).state, OutboxState::dead);
    EXPECT_EQ(buried, (std::vector<std::string>{"context of 1: nobody is there"}));
    const auto chained = records("outbox.deliver");
    ASSERT_EQ(chained.size(), 1U);
    EXPECT_EQ(chained[0].record.object, "outbox/" + std::to_string(id));
    EXPECT_EQ(chained[0].record.outcome, "failed");
    clock.advance(std::chrono::hours(100));
    EXPECT_EQ(deliver(), 0U);
}

TEST_F(OutboxTest, AnAddressThatIsNotPermittedIsADeadLetterAtOnceAndHoldsNobodyBack) {
    const auto id = enqueue("a", "1");
    const auto next = enqueue("a", "2");
    refusal = Error{ErrorCode::permission_denied, "the address 10.0.0.1 is not public", {}};
    must(outbox->deliver_due());
    EXPECT_EQ(message(id).state, OutboxState::dead);
    EXPECT_EQ(message(id).attempts, 1U);
    EXPECT_EQ(message(next).state, OutboxState::dead);
}

TEST_F(OutboxTest, ADeadLetterIsRevivedAtItsOldPlace) {
    refusal = Error{ErrorCode::permission_denied, "no", {}};
    const auto first = enqueue("a", "1");
    EXPECT_EQ(deliver(), 1U);
    ASSERT_EQ(message(first).state, OutboxState::dead);
    refusal = Error{ErrorCode::cancelled, "not yet", {}};
    const auto second = enqueue("a", "2");
    EXPECT_EQ(deliver(), 1U);
    refusal.reset();
    EXPECT_FALSE(outbox->revive(caller(), second)) << "it is not dead";
    EXPECT_FALSE(outbox->revive(caller(), 4711));
    must(outbox->revive(caller(), first));
    const auto chained = records("outbox.manage");
    ASSERT_EQ(chained.size(), 1U);
    EXPECT_EQ(chained[0].record.principal, "tester");
    clock.advance(std::chrono::minutes(1));
    EXPECT_EQ(deliver(), 2U);
    EXPECT_EQ(receiver.received(), (std::vector<std::string>{"PUT /a 1", "PUT /a 2"}));
}

TEST_F(OutboxTest, ARevivedLetterIsTriedAsLongAsANewOne) {
    outbox->add_kind("test.short", {.first_wait = 1s, .longest_wait = 4s, .give_up = 10s});
    refusal = Error{ErrorCode::permission_denied, "no", {}};
    const auto id = enqueue("a", "1", "test.short");
    EXPECT_EQ(deliver(), 1U);
    clock.advance(std::chrono::hours(24));
    must(outbox->revive(caller(), id));
    refusal = Error{ErrorCode::cancelled, "nobody is there", {}};
    EXPECT_EQ(deliver(), 1U);
    EXPECT_EQ(message(id).state, OutboxState::waiting) << "one failed try after a revival is not the end";
}

TEST_F(OutboxTest, WhatTheFamilyCannotKeepIsSentAgainLater) {
    int failures = 2;
    std::vector<std::string> kept;
    outbox->add_kind(
        "test.kept", {.delivered = [&](sqlite::Transaction& transaction, const OutboxMessage& message,
                                       const OutboxReply& reply) -> Status {
            SIGNET_TRY(transaction.audit(
                {.principal = "system", .action = "test.kept", .object = message.context, .outcome = "ok"}));
            if (failures-- > 0) return fail(ErrorCode::conflict, "not now");
            kept.push_back(message.context + " " + reply.body);
            return {};
        }});
    const auto id = enqueue("a", "1", "test.kept");
    EXPECT_EQ(deliver(), 1U);
    EXPECT_EQ(message(id).state, OutboxState::waiting);
    EXPECT_EQ(message(id).last_error, "its outcome was not kept: not now");
    EXPECT_TRUE(records("test.kept").empty()) << "rolled back together";
    EXPECT_EQ(deliver(), 0U) << "not at once";
    for (int i = 0; i < 2; ++i) {
        clock.set(message(id).next_at);
        EXPECT_EQ(deliver(), 1U);
    }
    EXPECT_EQ(message(id).state, OutboxState::delivered);
    EXPECT_EQ(kept, (std::vector<std::string>{"context of 1 answer"}));
    EXPECT_EQ(records("test.kept").size(), 1U);
    EXPECT_EQ(receiver.received().size(), 3U);
}

TEST_F(OutboxTest, AFamilyPreparesEachTryAndJudgesTheAnswer) {
    int tries = 0;
    outbox->add_kind("test.judged",
                     {.prepare = [&](OutboxMessage& message) -> Status {
                          if (++tries == 1) return fail(ErrorCode::token_unavailable, "no token");
                          message.body = to_bytes("try " + std::to_string(tries));
                          return {};
                      },
                      .accepted = [](const OutboxReply& reply) { return reply.status == 404; }});
    const auto id = enqueue("a", "1", "test.judged");
    EXPECT_EQ(deliver(), 1U);
    EXPECT_TRUE(receiver.received().empty());
    EXPECT_EQ(message(id).last_error, "no token");
    EXPECT_EQ(message(id).body, to_bytes("1")) << "what was prepared is not what is kept";
    clock.set(message(id).next_at);
    receiver.answer({200});
    EXPECT_EQ(deliver(), 1U);
    EXPECT_EQ(message(id).state, OutboxState::waiting);
    clock.set(message(id).next_at);
    receiver.answer({404});
    EXPECT_EQ(deliver(), 1U);
    EXPECT_EQ(message(id).state, OutboxState::delivered);
    EXPECT_EQ(receiver.received(), (std::vector<std::string>{"PUT /a try 2", "PUT /a try 3"}));
}

TEST_F(OutboxTest, ARestartGoesOnWhereItStopped) {
    refusal = Error{ErrorCode::cancelled, "nobody is there", {}};
    const auto id = enqueue("a", "1");
    EXPECT_EQ(deliver(), 1U);
    const auto next_at = message(id).next_at;
    outbox.reset();
    close();
    open();
    make();
    refusal.reset();
    EXPECT_EQ(deliver(), 0U) << "a restart does not shorten the wait";
    clock.set(next_at);
    EXPECT_EQ(deliver(), 1U);
    EXPECT_EQ(receiver.received(), (std::vector<std::string>{"PUT /a 1"}));
}

TEST_F(OutboxTest, ThreadsSendEverythingOnceAndInOrder) {
    outbox->start(4);
    constexpr int kEach = 25;
    for (int i = 0; i < kEach; ++i) {
        for (const auto* destination : {"a", "b", "c", "d", "e"})
            enqueue(destination, std::to_string(i));
        outbox->wake();
    }
    EXPECT_TRUE(eventually([&] { return receiver.received().size() >= std::size_t{5} * kEach; }, 60s));
    EXPECT_TRUE(eventually(
        [&] {
            const auto db = must(readers->lease());
            return must(sqlite::outbox_store::counts(*db)).waiting == 0;
        },
        60s));
    outbox->stop();
    std::map<std::string, std::vector<std::string>> by_path;
    for (const auto& got : receiver.received()) {
        const auto space = got.rfind(' ');
        by_path[got.substr(0, space)].push_back(got.substr(space + 1));
    }
    EXPECT_EQ(by_path.size(), 5U);
    std::vector<std::string> expected;
    for (int i = 0; i < kEach; ++i)
        expected.push_back(std::to_string(i));
    for (const auto& [path, bodies] : by_path)
        EXPECT_EQ(bodies, expected) << path;
}

}  // namespace
}  // namespace signet::service
