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

// A rotation whose outcome is not known: the worker may have made the version or not.
class OpenIntentTest : public IdempotencyTest {
  protected:
    OpenIntentTest() { watch(); }
    void restart() {
        close();
        open();
        watch();
        must(idempotency->release_in_flight());
    }
    void watch() {
        keys->on_settled([this](sqlite::Transaction& transaction, const SettledIntent& settled) {
            if (!settled.done) return idempotency->settle(transaction, settled.id, std::nullopt);
            return idempotency->settle(transaction, settled.id,
                                       KeptAnswer{201, "text/plain", to_string(settled.change.key)});
        });
    }
    // As the API does it: begins, works, and does not release what is bound.
    ErrorCode rotate() {
        const auto earlier = begin(scope());
        if (!earlier) return earlier.error().code;
        EXPECT_FALSE(*earlier);
        const AlsoOnKeyChange also{[this](sqlite::Transaction& transaction, std::int64_t intent) {
                                       return idempotency->bind(transaction, scope(), intent);
                                   },
                                   [this](sqlite::Transaction& transaction, const KeyChange&) {
                                       return idempotency->finish(transaction, scope(), answer);
                                   }};
        const auto made = keys->rotate(caller(), "document", std::nullopt, also);
        return made ? ErrorCode::internal : made.error().code;
    }
    void lose_the_answer() {
        token.set_fault([](std::string_view operation) -> std::optional<Error> {
            if (operation != "generate_key") return std::nullopt;
            return Error{ErrorCode::deadline_exceeded, "no answer in time", {}};
        });
    }
    std::size_t versions() { return must(keys->find("document"))->versions.size(); }
};

TEST_F(OpenIntentTest, ARetryWaitsForTheOutcomeAndThenGetsIt) {
    lose_the_answer();
    EXPECT_EQ(rotate(), ErrorCode::deadline_exceeded);
    token.set_fault({});
    token.make("document", KeyAlgorithm::ec_p256, KeyUsage::sign, 2);
    EXPECT_EQ(rotate(), ErrorCode::conflict) << "it is not known yet";
    clock.advance(std::chrono::minutes(2));
    must(keys->synchronise(soon()));
    const auto replayed = must(begin(scope()));
    ASSERT_TRUE(replayed);
    EXPECT_EQ(replayed->body, "document/2");
    EXPECT_EQ(versions(), 2U) << "one rotation, one version";
}

TEST_F(OpenIntentTest, AlsoAcrossACrash) {
    lose_the_answer();
    EXPECT_EQ(rotate(), ErrorCode::deadline_exceeded);
    token.set_fault({});
    token.make("document", KeyAlgorithm::ec_p256, KeyUsage::sign, 2);
    restart();
    EXPECT_EQ(rotate(), ErrorCode::conflict) << "the token was not looked at yet";
    must(keys->synchronise(soon()));
    EXPECT_EQ(must(begin(scope()))->body, "document/2");
    restart();
    EXPECT_EQ(must(begin(scope()))->body, "document/2");
    EXPECT_EQ(versions(), 2U);
}

TEST_F(OpenIntentTest, WhatWasNotDoneMayBeTriedAgain) {
    lose_the_answer();
    EXPECT_EQ(rotate(), ErrorCode::deadline_exceeded);
    token.set_fault({});
    restart();
    must(keys->synchronise(soon()));
    EXPECT_EQ(rotate(), ErrorCode::internal) << "that is: done";
    EXPECT_EQ(must(begin(scope()))->body, answer.body);
    EXPECT_EQ(versions(), 2U);
}

TEST_F(OpenIntentTest, ARefusalReleasesTheKeyAtOnce) {
    token.set_fault([](std::string_view operation) -> std::optional<Error> {
        if (operation != "generate_key") return std::nullopt;
        return Error{ErrorCode::token_full, "the token is full", {}};
    });
    EXPECT_EQ(rotate(), ErrorCode::token_full);
    token.set_fault({});
    EXPECT_EQ(rotate(), ErrorCode::internal) << "that is: done";
    EXPECT_EQ(versions(), 2U);
}

TEST_F(IdempotencyTest, OddKeysAreRefused) {
    EXPECT_EQ(begin(scope("")).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(begin(scope(std::string(256, 'a'))).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(begin(scope("a b")).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace signet::service
