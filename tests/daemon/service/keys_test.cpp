#include "daemon/service/keys.h"

#include "sqlite/intent_store.h"
#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

class KeysTest : public ServiceTest {
  protected:
    KeyChange create(const std::string& label = "made") {
        return must(keys->create(
            caller(), {.label = label, .algorithm = KeyAlgorithm::ec_p256, .usages = KeyUsage::sign}));
    }
    std::string_view state(std::string_view label, std::uint32_t version) {
        return must(keys->find(label))->find(version)->state_name();
    }
    std::size_t open_intents() {
        return must(sqlite::intent_store::list_open(*must(readers->lease()))).size();
    }
};

// Whoever can write into the token must not thereby put a key into use, nor take one out of it.
TEST_F(KeysTest, WhatIsFoundInTheTokenWaitsForAnAdministrator) {
    EXPECT_FALSE(keys->find("document"));
    token.make("document", KeyAlgorithm::ec_p256, KeyUsage::sign, 2);
    const auto report = must(keys->synchronise(soon()));
    EXPECT_EQ(report.adopted.size(), 7U);
    EXPECT_EQ(state("document", 1), "pending");
    EXPECT_EQ(state("document", 2), "pending");
    EXPECT_EQ(keys->active("document", KeyUsage::sign).error().code, ErrorCode::conflict);
    EXPECT_EQ(keys->existing("document", KeyUsage::sign, 2).error().code, ErrorCode::conflict);
    must(keys->activate(caller(), "document", 1));
    token.make("document", KeyAlgorithm::ec_p256, KeyUsage::sign, 3);
    must(keys->synchronise(soon()));
    EXPECT_EQ(state("document", 1), "active") << "a later one changes nothing";
    EXPECT_EQ(state("document", 3), "pending");
    token.make("made", KeyAlgorithm::ec_p256, KeyUsage::sign, 9);
    must(keys->synchronise(soon()));
    must(token.destroy_key({"made", 9}, soon()));
    must(token.destroy_key({"document", 3}, soon()));
    must(keys->synchronise(soon()));
    EXPECT_EQ(records("system.key.adopted").size(), 9U);
    EXPECT_TRUE(must(keys->synchronise(soon())).adopted.empty());
}

TEST_F(KeysTest, CreateLeavesAnIntentAndAnOutcome) {
    const auto change = create();
    EXPECT_EQ(change.key, (KeyId{"made", 1}));
    EXPECT_EQ(key("made")->created_by, "tester");
    const auto trail = records("keys.create");
    ASSERT_EQ(trail.size(), 2U);
    EXPECT_EQ(trail[0].record.outcome, "intent");
    EXPECT_EQ(trail[1].record.outcome, "ok");
    EXPECT_EQ(trail[1].record.sequence, change.audit);
    EXPECT_EQ(open_intents(), 0U);
    const auto again = keys->create(
        caller(), {.label = "made", .algorithm = KeyAlgorithm::ec_p256, .usages = KeyUsage::sign});
    EXPECT_EQ(again.error().code, ErrorCode::already_exists);
}

TEST_F(KeysTest, ARefusedGenerationIsSettledAsFailed) {
    token.set_fault([](std::string_view operation) -> std::optional<Error> {
        if (operation != "generate_key") return std::nullopt;
        return Error{ErrorCode::token_full, "the token is full", {}};
    });
    const auto made = keys->create(
        caller(), {.label = "made", .algorithm = KeyAlgorithm::ec_p256, .usages = KeyUsage::sign});
    EXPECT_EQ(made.error().code, ErrorCode::token_full);
    EXPECT_EQ(records("keys.create").back().record.outcome, "failed");
    EXPECT_EQ(open_intents(), 0U);
}

// The token did it, the answer was lost: what a crash between effect and outcome looks like.
TEST_F(KeysTest, AnInterruptedCreationIsFoundAtTheNextStart) {
    synchronise();
    token.set_fault([&](std::string_view operation) -> std::optional<Error> {
        if (operation != "generate_key") return std::nullopt;
        return Error{ErrorCode::deadline_exceeded, "no answer in time", {}};
    });
    const auto made = keys->create(
        caller(), {.label = "made", .algorithm = KeyAlgorithm::ec_p384, .usages = KeyUsage::sign});
    EXPECT_EQ(made.error().code, ErrorCode::deadline_exceeded);
    EXPECT_EQ(open_intents(), 1U);
    token.set_fault({});
    token.make("made", KeyAlgorithm::ec_p384, KeyUsage::sign);
    close();
    open();
    EXPECT_EQ(must(keys->synchronise(soon())).intents_settled, 1U);
    EXPECT_EQ(state("made", 1), "active");
    EXPECT_EQ(records("keys.create").back().record.outcome, "ok");
    EXPECT_EQ(records("keys.create").back().record.principal, "tester");
}

TEST_F(KeysTest, AnInterruptedCreationWithoutEffectIsSettledAsFailed) {
    synchronise();
    token.set_unavailable(true);
    EXPECT_FALSE(keys->create(
        caller(), {.label = "made", .algorithm = KeyAlgorithm::ec_p256, .usages = KeyUsage::sign}));
    token.set_unavailable(false);
    EXPECT_EQ(must(keys->synchronise(soon())).intents_settled, 0U) << "it may still end in the worker";
    clock.advance(std::chrono::minutes(2));
    EXPECT_EQ(must(keys->synchronise(soon())).intents_settled, 1U);
    EXPECT_EQ(records("keys.create").back().record.outcome, "failed");
    EXPECT_FALSE(keys->find("made"));
}

TEST_F(KeysTest, AnInterruptedDestructionIsJudgedByTheToken) {
    create();
    must(keys->disable(caller(), "made", 1));
    token.set_fault([&](std::string_view operation) -> std::optional<Error> {
        if (operation != "destroy_key") return std::nullopt;
        return Error{ErrorCode::token_unavailable, "the worker died", {}};
    });
    EXPECT_FALSE(keys->destroy(caller(), "made", 1));
    token.set_fault({});
    must(token.destroy_key({"made", 1}, soon()));
    close();
    open();
    synchronise();
    EXPECT_EQ(state("made", 1), "destroyed");
}

TEST_F(KeysTest, RotationMakesTheNextVersionActive) {
    create();
    const auto change = must(keys->rotate(caller(), "made", std::nullopt));
    EXPECT_EQ(change.key.version, 2U);
    EXPECT_EQ(state("made", 1), "retired");
    EXPECT_EQ(key("made")->id.version, 2U);
    // Retired versions still check what they made.
    EXPECT_TRUE(keys->existing("made", KeyUsage::sign, 1));
}

TEST_F(KeysTest, AKeyThatNeedsACertificateWaitsForActivation) {
    synchronise();
    must(keys->rotate(caller(), "device.ca", std::nullopt));
    EXPECT_EQ(state("device.ca", 2), "pending");
    EXPECT_EQ(key("device.ca", KeyUsage::certify)->id.version, 1U);
    must(keys->activate(caller(), "device.ca", 2));
    EXPECT_EQ(key("device.ca", KeyUsage::certify)->id.version, 2U);
}

TEST_F(KeysTest, DisabledKeysAreRefusedUntilActivated) {
    create();
    must(keys->disable(caller(), "made", std::nullopt));
    EXPECT_EQ(keys->active("made", KeyUsage::sign).error().code, ErrorCode::conflict);
    EXPECT_EQ(keys->existing("made", KeyUsage::sign, 1).error().code, ErrorCode::conflict);
    must(keys->activate(caller(), "made", std::nullopt));
    EXPECT_TRUE(keys->active("made", KeyUsage::sign));
}

TEST_F(KeysTest, DestructionWantsADisabledKeyAndIsForGood) {
    create();
    EXPECT_EQ(keys->destroy(caller(), "made", 1).error().code, ErrorCode::conflict);
    must(keys->disable(caller(), "made", 1));
    must(keys->destroy(caller(), "made", 1));
    EXPECT_FALSE(token.find_key({"made", 1}, soon()));
    EXPECT_EQ(keys->destroy(caller(), "made", 1).error().code, ErrorCode::conflict);
    // The label may be used again; its versions count on.
    EXPECT_EQ(create().key.version, 2U);
}

TEST_F(KeysTest, NeededKeysAreNeitherDisabledNorDestroyed) {
    synchronise();
    EXPECT_EQ(keys->disable(caller(), "audit", std::nullopt).error().code, ErrorCode::failed_precondition);
}

TEST_F(KeysTest, ALostKeyIsMarkedAndComesBackAsItWas) {
    synchronise();
    const auto info = must(token.find_key({"document", 1}, soon()));
    must(token.destroy_key({"document", 1}, soon()));
    const auto report = must(keys->synchronise(soon()));
    EXPECT_EQ(report.lost, std::vector<KeyId>{info.id});
    EXPECT_EQ(state("document", 1), "unavailable");
    EXPECT_EQ(keys->active("document", KeyUsage::sign).error().code, ErrorCode::token_unavailable);
    token.make("document", KeyAlgorithm::ec_p256, KeyUsage::sign);
    EXPECT_EQ(must(keys->synchronise(soon())).found_again, std::vector<KeyId>{info.id});
    EXPECT_EQ(state("document", 1), "active");
}

TEST_F(KeysTest, TheRegistryNeedsNoToken) {
    synchronise();
    close();
    token.set_unavailable(true);
    open();
    EXPECT_TRUE(keys->find("document"));
    EXPECT_EQ(keys->synchronise(soon()).error().code, ErrorCode::token_unavailable);
    EXPECT_TRUE(keys->find("document"));
}

TEST_F(KeysTest, AnExpiredKeyMakesNothingNew) {
    CreateKey request{.label = "made", .algorithm = KeyAlgorithm::ec_p256, .usages = KeyUsage::sign};
    request.not_after = clock.now() + std::chrono::hours(1);
    must(keys->create(caller(), request));
    EXPECT_TRUE(keys->active("made", KeyUsage::sign));
    clock.advance(std::chrono::hours(1));
    EXPECT_EQ(keys->active("made", KeyUsage::sign).error().code, ErrorCode::conflict);
    EXPECT_TRUE(keys->existing("made", KeyUsage::sign, 1));
}

TEST_F(KeysTest, UsesAreWrittenInBatchesAndSurvive) {
    create();
    for (int i = 0; i < 3; ++i)
        key("made")->new_uses->fetch_add(1);
    must(keys->flush_uses());
    close();
    open();
    EXPECT_EQ(key("made")->uses, 3U);
}

TEST_F(KeysTest, UsagesAreKept) {
    create();
    EXPECT_EQ(keys->active("made", KeyUsage::decrypt).error().code, ErrorCode::unprocessable);
    EXPECT_EQ(keys->active("nobody", KeyUsage::sign).error().code, ErrorCode::not_found);
    EXPECT_FALSE(keys->create(
        caller(), {.label = "bad", .algorithm = KeyAlgorithm::rsa_2048, .usages = KeyUsage::mac}));
    EXPECT_FALSE(keys->create(
        caller(), {.label = "Bad Label", .algorithm = KeyAlgorithm::rsa_2048, .usages = KeyUsage::sign}));
}

}  // namespace
}  // namespace signet::service
