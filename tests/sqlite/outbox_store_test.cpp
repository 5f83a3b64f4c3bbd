#include "sqlite/outbox_store.h"

#include "sqlite/certificate_store.h"
#include "sqlite/crl_store.h"
#include "sqlite/idempotency_store.h"
#include "sqlite/intent_store.h"
#include "sqlite/retention.h"
#include "tests/sqlite/database_fixture.h"

namespace signet::sqlite {
namespace {

class OutboxStoreTest : public DatabaseTest {
  protected:
    std::int64_t enqueue(const std::string& destination, const std::string& body) {
        std::int64_t id = 0;
        must(writer->run([&](Transaction& transaction) -> Status {
            SIGNET_ASSIGN(id, outbox_store::enqueue(transaction, OutboxMessage{.destination = destination,
                                                                               .kind = "test",
                                                                               .headers = "A: b\r\n",
                                                                               .body = to_bytes(body),
                                                                               .created = clock.now(),
                                                                               .next_at = clock.now()}));
            return {};
        }));
        return id;
    }
    std::vector<std::int64_t> due() {
        std::vector<std::int64_t> ids;
        for (const auto& message : must(outbox_store::due(db, clock.now(), 10)))
            ids.push_back(message.id);
        return ids;
    }
    template <class Change>
    Status change(Change apply) {
        return writer->run([&](Transaction& transaction) -> Status { return apply(transaction); });
    }
    using Ids = std::vector<std::int64_t>;
    std::unique_ptr<Writer> writer = start();
    Connection db = read_only();
};

TEST_F(OutboxStoreTest, EachDestinationHasItsOrder) {
    const auto a1 = enqueue("a", "1");
    const auto b1 = enqueue("b", "1");
    const auto a2 = enqueue("a", "2");
    EXPECT_EQ(due(), (Ids{a1, b1}));
    must(change([&](Transaction& t) { return outbox_store::delivered(t, a1, clock.now()); }));
    EXPECT_EQ(due(), (Ids{b1, a2}));
    must(change([&](Transaction& t) {
        return outbox_store::back_off(t, a2, clock.now() + std::chrono::minutes(1), "connection refused");
    }));
    enqueue("a", "3");
    EXPECT_EQ(due(), (Ids{b1})) << "the one that backs off holds the later one back";
    EXPECT_EQ(must(outbox_store::next_due(db)), clock.now());
    clock.advance(std::chrono::minutes(1));
    EXPECT_EQ(due(), (Ids{b1, a2}));
    const auto waiting = must(outbox_store::list(db, OutboxState::waiting, 0, 10));
    EXPECT_EQ(waiting[1].attempts, 1U);
    EXPECT_EQ(waiting[1].last_error, "connection refused");
    EXPECT_EQ(waiting[1].body, to_bytes("2"));
}

TEST_F(OutboxStoreTest, DeadLettersLetOthersPassAndComeBack) {
    const auto a1 = enqueue("a", "1");
    const auto a2 = enqueue("a", "2");
    must(change([&](Transaction& t) { return outbox_store::bury(t, a1, clock.now(), "410 Gone"); }));
    EXPECT_EQ(due(), (Ids{a2}));
    EXPECT_EQ(must(outbox_store::counts(db)).dead, 1U);
    EXPECT_EQ(must(outbox_store::list(db, OutboxState::dead, 0, 10)).at(0).last_error, "410 Gone");
    must(change([&](Transaction& t) { return outbox_store::revive(t, a1, clock.now()); }));
    EXPECT_EQ(due(), (Ids{a1}));
    EXPECT_EQ(change([&](Transaction& t) { return outbox_store::revive(t, a1, clock.now()); }).error().code,
              ErrorCode::not_found);
    EXPECT_EQ(
        change([&](Transaction& t) { return outbox_store::delivered(t, 99, clock.now()); }).error().code,
        ErrorCode::not_found);
}

TEST_F(OutboxStoreTest, IsPartOfItsTransaction) {
    EXPECT_FALSE(change([&](Transaction& t) -> Status {
        SIGNET_TRY(outbox_store::enqueue(t, OutboxMessage{.destination = "a", .kind = "k"}));
        return fail(ErrorCode::conflict, "no");
    }));
    EXPECT_EQ(must(outbox_store::counts(db)).waiting, 0U);
    EXPECT_FALSE(must(outbox_store::next_due(db)));
    EXPECT_EQ(change([&](Transaction& t) -> Status {
                  SIGNET_TRY(outbox_store::enqueue(t, OutboxMessage{.body = Bytes((1 << 20) + 1)}));
                  return {};
              })
                  .error()
                  .code,
              ErrorCode::too_large);
}

TEST_F(OutboxStoreTest, RetentionDeletesWhatIsOverAndNothingElse) {
    const auto delivered = enqueue("a", "1");
    const auto dead = enqueue("a", "2");
    const auto waiting = enqueue("a", "3");
    must(change([&](Transaction& t) -> Status {
        SIGNET_TRY(outbox_store::delivered(t, delivered, clock.now()));
        SIGNET_TRY(outbox_store::bury(t, dead, clock.now(), "x"));
        SIGNET_TRY(idempotency_store::claim(t, {"p", "r", "k"}, {}, clock.now(),
                                            clock.now() + std::chrono::hours(24)));
        for (std::uint8_t i = 0; i < 2; ++i) {
            SIGNET_TRY(certificate_store::insert(
                t,
                {.ca = "ca", .serial = {i}, .not_after = clock.now() + std::chrono::hours(i * 1'000'000)}));
            SIGNET_TRY(crl_store::insert(
                t, {.ca = "ca", .number = std::uint64_t{1} + i, .next_update = clock.now()}));
            SIGNET_ASSIGN(const auto intent, intent_store::open(t, {.object = std::to_string(i)}));
            if (i == 0) SIGNET_TRY(intent_store::settle(t, intent, "ok", clock.now()));
        }
        return {};
    }));
    EXPECT_EQ(must(prune_all(*writer, {}, clock.now())).total(), 0U);
    const auto day = must(prune_all(*writer, {}, clock.now() + std::chrono::hours(25)));
    EXPECT_EQ(day.idempotency, 1U);
    EXPECT_EQ(day.total(), 1U);
    EXPECT_EQ(must(prune_all(*writer, {}, clock.now() + std::chrono::hours(24 * 8))).outbox, 1U);
    EXPECT_EQ(must(prune_all(*writer, {}, clock.now() + std::chrono::hours(24 * 91))).outbox, 1U);
    const auto years = must(prune_all(*writer, {}, clock.now() + std::chrono::hours(24 * 4000)));
    EXPECT_EQ(years.certificates, 1U);
    EXPECT_EQ(years.crls, 1U) << "the latest stays";
    EXPECT_EQ(years.intents, 1U) << "an open one stays";
    EXPECT_EQ(years.total(), 3U);
    EXPECT_EQ(must(outbox_store::list(db, std::nullopt, 0, 10)).at(0).id, waiting);
    EXPECT_EQ(must(crl_store::latest(db, "ca", 1))->number, 2U);
    EXPECT_EQ(must(intent_store::list_open(db)).size(), 1U);
}

TEST_F(OutboxStoreTest, RetentionGoesInSmallPieces) {
    for (int i = 0; i < 7; ++i) {
        const auto id = enqueue("a", "x");
        must(change([&](Transaction& t) { return outbox_store::delivered(t, id, clock.now()); }));
    }
    std::uint64_t gone = 0;
    must(change([&](Transaction& t) -> Status {
        SIGNET_ASSIGN(const auto report, prune(t, {}, clock.now() + std::chrono::hours(24 * 30), 5));
        gone = report.outbox;
        return {};
    }));
    EXPECT_EQ(gone, 5U);
    EXPECT_EQ(must(prune_all(*writer, {}, clock.now() + std::chrono::hours(24 * 30))).outbox, 2U);
}

}  // namespace
}  // namespace signet::sqlite
