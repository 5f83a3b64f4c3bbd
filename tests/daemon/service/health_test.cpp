#include "daemon/service/health.h"

#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

class HealthTest : public ServiceTest {
  protected:
    std::string reason() {
        const auto readiness = health->readiness();
        return readiness.reasons.empty() ? std::string() : readiness.reasons.front().code;
    }
    static constexpr std::chrono::seconds kTime{10};
};

TEST_F(HealthTest, NotReadyBeforeTheFirstLook) {
    EXPECT_FALSE(health->readiness().ready);
    EXPECT_EQ(reason(), "starting");
}

TEST_F(HealthTest, ReadyMeansSynchronised) {
    EXPECT_FALSE(keys->find("document"));
    EXPECT_TRUE(health->check(kTime));
    EXPECT_TRUE(keys->find("document"));
    EXPECT_TRUE(health->token_status());
}

TEST_F(HealthTest, TheTokensAbsenceIsAReasonAndItsReturnIsNoticed) {
    EXPECT_TRUE(health->check(kTime));
    token.set_unavailable(true);
    EXPECT_FALSE(health->check(kTime));
    EXPECT_EQ(reason(), "token_unavailable");
    EXPECT_FALSE(health->token_status());
    token.set_unavailable(false);
    token.make("late", KeyAlgorithm::ec_p256, KeyUsage::sign);
    EXPECT_TRUE(health->check(kTime));
    EXPECT_TRUE(keys->find("late")) << "the keys are compared when the token comes back";
}

TEST_F(HealthTest, ALowDiskIsAReason) {
    health->set_free_disk(std::uint64_t{1} << 60);
    EXPECT_FALSE(health->check(kTime));
    EXPECT_EQ(reason(), "disk_low");
    health->set_free_disk(1);
    EXPECT_TRUE(health->check(kTime));
}

TEST_F(HealthTest, AChainBehindItsAnchorIsAReason) {
    must(audit->note("system.test", "ok", "{}"));
    must(token.sign_checkpoint({{"audit", 1}, 1000, {}}, soon()));
    EXPECT_FALSE(health->check(kTime));
    EXPECT_EQ(reason(), "audit_chain");
}

TEST_F(HealthTest, AMissingKeyIsAWarning) {
    synchronise();
    EXPECT_TRUE(health->check(kTime));
    must(token.destroy_key({"document", 1}, soon()));
    synchronise();
    EXPECT_TRUE(health->check(kTime));
    ASSERT_EQ(health->readiness().warnings.size(), 1U);
    EXPECT_NE(health->readiness().warnings[0].find("document/1"), std::string::npos);
}

TEST_F(HealthTest, KeysThatNeedSomebodyAreWarnings) {
    EXPECT_TRUE(health->check(kTime));
    EXPECT_EQ(health->key_alarms().size(), 6U) << "found in the token, made by nobody here";
    for (const auto* label : {"audit", "device.ca", "document", "mac", "rsa", "seal"})
        must(keys->activate(caller(), label, 1));
    EXPECT_TRUE(health->key_alarms().empty());
    CreateKey request{.label = "made", .algorithm = KeyAlgorithm::ec_p256, .usages = KeyUsage::sign};
    request.not_after = clock.now() + std::chrono::days(60);
    must(keys->create(caller(), request));
    EXPECT_TRUE(health->key_alarms().empty());
    clock.advance(std::chrono::days(31));
    ASSERT_EQ(health->key_alarms().size(), 1U);
    EXPECT_NE(health->key_alarms()[0].find("made/1"), std::string::npos);
}

}  // namespace
}  // namespace signet::service
