#include "sqlite/idempotency_store.h"

#include "sqlite/intent_store.h"
#include "tests/sqlite/database_fixture.h"

namespace signet::sqlite {
namespace {

using namespace idempotency_store;

class IdempotencyStoreTest : public DatabaseTest {
  protected:
    Claim take(const std::string& key, const Sha256& request, const std::string& principal = "gateway") {
        Claim result;
        must(writer->run([&](Transaction& transaction) -> Status {
            SIGNET_ASSIGN(result, claim(transaction, {principal, "POST /v1/x", key}, request, clock.now(),
                                        clock.now() + std::chrono::hours(24)));
            return {};
        }));
        return result;
    }
    Status end(const std::string& key, const IdempotentAnswer& with,
               std::chrono::minutes keep = std::chrono::hours(24)) {
        return writer->run([&](Transaction& transaction) {
            return finish(transaction, {"gateway", "POST /v1/x", key}, with, clock.now() + keep);
        });
    }
    const Sha256 one = sha256(as_bytes("one"));
    const Sha256 two = sha256(as_bytes("two"));
    const IdempotentAnswer answer{
        .status = 201, .content_type = "application/json", .body = {1, 2}, .sealed = true};
    std::unique_ptr<Writer> writer = start();
};

TEST_F(IdempotencyStoreTest, TheSameRequestGetsTheSameAnswer) {
    EXPECT_TRUE(std::holds_alternative<Fresh>(take("k", one)));
    EXPECT_TRUE(std::holds_alternative<InFlight>(take("k", one)));
    EXPECT_TRUE(std::holds_alternative<Different>(take("k", two)));
    must(end("k", answer));
    EXPECT_EQ(std::get<IdempotentAnswer>(take("k", one)), answer);
    EXPECT_TRUE(std::holds_alternative<Different>(take("k", two)));
    EXPECT_EQ(end("k", answer).error().code, ErrorCode::not_found) << "it ended already";
}

TEST_F(IdempotencyStoreTest, IsScopedToThePrincipal) {
    take("k", one);
    EXPECT_TRUE(std::holds_alternative<Fresh>(take("k", two, "batch")));
    EXPECT_TRUE(std::holds_alternative<Fresh>(take("l", two)));
}

TEST_F(IdempotencyStoreTest, Expires) {
    take("k", one);
    must(end("k", answer, std::chrono::minutes(10)));
    clock.advance(std::chrono::minutes(10));
    EXPECT_TRUE(std::holds_alternative<Fresh>(take("k", two)));
}

TEST_F(IdempotencyStoreTest, AFailureMayBeTriedAgain) {
    take("k", one);
    must(writer->run(
        [&](Transaction& transaction) { return release(transaction, {"gateway", "POST /v1/x", "k"}); }));
    EXPECT_TRUE(std::holds_alternative<Fresh>(take("k", one)));
    must(end("k", answer));
    must(writer->run(
        [&](Transaction& transaction) { return release(transaction, {"gateway", "POST /v1/x", "k"}); }));
    EXPECT_TRUE(std::holds_alternative<IdempotentAnswer>(take("k", one))) << "an answer stays";
}

TEST_F(IdempotencyStoreTest, NothingIsInFlightAfterAStart) {
    take("k", one);
    take("l", one);
    must(end("l", answer));
    must(writer->run([&](Transaction& transaction) -> Status {
        SIGNET_ASSIGN(const auto released, release_in_flight(transaction));
        EXPECT_EQ(released, 1U);
        return {};
    }));
    EXPECT_TRUE(std::holds_alternative<Fresh>(take("k", two)));
    EXPECT_TRUE(std::holds_alternative<IdempotentAnswer>(take("l", one)));
}

TEST_F(IdempotencyStoreTest, Intents) {
    Intent intent{.action = "keys.create",
                  .object = "document/2",
                  .principal = "ops",
                  .request_id = "r",
                  .parameters = "{}",
                  .opened = clock.now(),
                  .audit = 7};
    const auto open_one = [&](const Intent& what) {
        return writer->run([&](Transaction& transaction) -> Status {
            SIGNET_ASSIGN(intent.id, intent_store::open(transaction, what));
            return {};
        });
    };
    const auto settle = [&](std::int64_t id) {
        return writer->run([&](Transaction& transaction) {
            return intent_store::settle(transaction, id, "ok", clock.now());
        });
    };
    must(open_one(intent));
    auto db = read_only();
    EXPECT_EQ(must(intent_store::list_open(db)), std::vector{intent});
    EXPECT_EQ(open_one(intent).error().code, ErrorCode::conflict) << "one change of an object at a time";
    const auto first = intent.id;
    must(settle(first));
    EXPECT_EQ(settle(first).error().code, ErrorCode::not_found);
    EXPECT_TRUE(must(intent_store::list_open(db)).empty());
    must(open_one(intent));
    EXPECT_GT(intent.id, first);
}

}  // namespace
}  // namespace signet::sqlite
