#include "daemon/service/idempotency.h"

#include <fstream>

#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

class IdempotencyTest : public ServiceTest {
  protected:
    IdempotencyTest() { synchronise(); }
    static sqlite::IdempotencyScope scope(std::string key = "k1", std::string principal = "tester") {
        return {std::move(principal), "POST /v1/keys", std::move(key)};
    }
    Result<std::optional<KeptAnswer>> begin(const sqlite::IdempotencyScope& of,
                                            std::string_view request = "body") {
        return idempotency->begin(caller(), of, sha256(as_bytes(request)));
    }
    const KeptAnswer answer{201, "application/json", R"({"ok":true})"};
};

TEST_F(IdempotencyTest, TheSameRequestGetsTheSameAnswer) {
    EXPECT_FALSE(must(begin(scope())));
    must(idempotency->finish(caller(), scope(), answer, false));
    const auto again = must(begin(scope()));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->status, 201U);
    EXPECT_EQ(again->body, answer.body);
    EXPECT_EQ(begin(scope(), "other body").error().code, ErrorCode::unprocessable);
    EXPECT_FALSE(must(begin(scope("k1", "somebody else"))));
}

TEST_F(IdempotencyTest, ARequestInFlightIsAConflict) {
    EXPECT_FALSE(must(begin(scope())));
    const auto second = begin(scope());
    EXPECT_EQ(second.error().code, ErrorCode::conflict);
    EXPECT_TRUE(second.error().retry_after);
    must(idempotency->release(scope()));
    EXPECT_FALSE(must(begin(scope())));
}

TEST_F(IdempotencyTest, NothingIsInFlightAfterARestart) {
    EXPECT_FALSE(must(begin(scope())));
    close();
    open();
    must(idempotency->release_in_flight());
    EXPECT_FALSE(must(begin(scope())));
}

TEST_F(IdempotencyTest, AnswersAreForgottenAfterADay) {
    EXPECT_FALSE(must(begin(scope())));
    must(idempotency->finish(caller(), scope(), answer, false));
    clock.advance(std::chrono::hours(23));
    EXPECT_TRUE(must(begin(scope())));
    clock.advance(std::chrono::hours(2));
    EXPECT_FALSE(must(begin(scope())));
}

TEST_F(IdempotencyTest, SecretAnswersAreSealedAndKeptForTenMinutes) {
    EXPECT_FALSE(must(begin(scope())));
    const KeptAnswer secret{200, "application/json", R"({"key":"very secret indeed"})"};
    must(idempotency->finish(caller(), scope(), secret, true));
    EXPECT_EQ(must(begin(scope()))->body, secret.body);
    for (const auto* file : {"signet.db", "signet.db-wal"}) {
        std::ifstream input(directory / file, std::ios::binary);
        const std::string content((std::istreambuf_iterator<char>(input)), {});
        EXPECT_EQ(content.find("very secret indeed"), std::string::npos) << file;
    }
    // The seal key may be rotated meanwhile.
    must(keys->rotate(caller(), "seal", std::nullopt));
    EXPECT_EQ(must(begin(scope()))->body, secret.body);
    clock.advance(std::chrono::minutes(11));
    EXPECT_FALSE(must(begin(scope())));
}

TEST_F(IdempotencyTest, OddKeysAreRefused) {
    EXPECT_EQ(begin(scope("")).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(begin(scope(std::string(256, 'a'))).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(begin(scope("a b")).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace signet::service
