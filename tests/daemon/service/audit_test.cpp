#include "daemon/service/audit.h"

#include "sqlite/audit_verify.h"
#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

class AuditTest : public ServiceTest {
  protected:
    AuditTest() { synchronise(); }
    void add_records(int count) {
        for (int i = 0; i < count; ++i)
            must(audit->note("system.test", "ok", "{}"));
    }
    AuditedRefusal refusal(bool by_rate) const {
        return {"tester", "keys.sign", "document", "ES256", "no rule", "uid=1", "request-1", by_rate};
    }
};

TEST_F(AuditTest, ACheckpointIsSignedAndAnchored) {
    add_records(3);
    const auto checkpoint = must(audit->checkpoint(soon()));
    EXPECT_EQ(checkpoint.head, writer->head());
    EXPECT_EQ(must(audit->checkpoint(soon())), checkpoint) << "nothing new to sign";
    EXPECT_EQ((*must(token.read_anchor(soon()))).sequence, checkpoint.head.sequence);
    add_records(1);
    EXPECT_GT(must(audit->checkpoint(soon())).head.sequence, checkpoint.head.sequence);
}

TEST_F(AuditTest, CheckpointsComeByCountAndByTime) {
    audit->replace({"audit", 5, std::chrono::seconds(60), std::chrono::days(400), directory / "archive"});
    EXPECT_TRUE(audit->checkpoint_if_due(std::chrono::seconds(10)));
    const auto first = must(audit->last_checkpoint());
    ASSERT_TRUE(first) << "the first one is due at once";
    add_records(4);
    EXPECT_TRUE(audit->checkpoint_if_due(std::chrono::seconds(10)));
    EXPECT_EQ(must(audit->last_checkpoint()), first);
    add_records(1);
    EXPECT_TRUE(audit->checkpoint_if_due(std::chrono::seconds(10)));
    const auto second = must(audit->last_checkpoint());
    EXPECT_NE(second, first);
    add_records(1);
    clock.advance(std::chrono::seconds(61));
    EXPECT_TRUE(audit->checkpoint_if_due(std::chrono::seconds(10)));
    EXPECT_NE(must(audit->last_checkpoint()), second);
    token.set_unavailable(true);
    add_records(5);
    EXPECT_FALSE(audit->checkpoint_if_due(std::chrono::seconds(1)));
}

TEST_F(AuditTest, ALostCheckpointRowDoesNotStopTheNextOne) {
    add_records(1);
    const auto head = writer->head();
    // Signed and anchored by the token, and then the daemon died.
    must(token.sign_checkpoint({{"audit", 1}, head.sequence, head.hash}, soon()));
    EXPECT_EQ(must(audit->checkpoint(soon())).head, head) << "the token signs the same head again";
    add_records(1);
    const auto next = writer->head();
    must(token.sign_checkpoint({{"audit", 1}, next.sequence, next.hash, head.sequence, head.hash}, soon()));
    add_records(1);
    EXPECT_GT(must(audit->checkpoint(soon())).head.sequence, next.sequence)
        << "and goes on from the one it has";
}

TEST_F(AuditTest, ADatabaseBehindTheTokensAnchorIsTrouble) {
    add_records(1);
    const auto head = writer->head();
    must(token.sign_checkpoint({{"audit", 1}, head.sequence + 10, head.hash}, soon()));
    audit->compare_with_anchor(soon());
    EXPECT_NE(audit->trouble().find("older state"), std::string::npos);
}

TEST_F(AuditTest, ARewrittenChainIsTrouble) {
    add_records(1);
    const auto head = writer->head();
    must(token.sign_checkpoint({{"audit", 1}, head.sequence, Sha256{1}}, soon()));
    audit->compare_with_anchor(soon());
    EXPECT_NE(audit->trouble().find("rewritten"), std::string::npos);
}

TEST_F(AuditTest, RefusalsAreChained) {
    audit->refused(refusal(false));
    audit->refused(refusal(false));
    add_records(1);
    const auto trail = records("keys.sign");
    ASSERT_EQ(trail.size(), 2U);
    EXPECT_EQ(trail[0].record.outcome, "refused");
    EXPECT_EQ(trail[0].record.details, R"({"alg":"ES256","why":"no rule","peer":"uid=1"})");
}

TEST_F(AuditTest, RepeatedRateRefusalsAndAnonymousOnesAreCounted) {
    for (int i = 0; i < 10; ++i)
        audit->refused(refusal(true));
    anonymous = 4;
    audit->summarise_refusals();
    audit->summarise_refusals();
    EXPECT_EQ(records("keys.sign").size(), 1U);
    const auto summaries = records("system.refusals");
    ASSERT_EQ(summaries.size(), 1U);
    EXPECT_EQ(summaries[0].record.details, R"({"anonymous":4,"over_rate":9,"not_recorded":0})");
    clock.advance(std::chrono::seconds(11));
    audit->refused(refusal(true));
    add_records(1);
    EXPECT_EQ(records("keys.sign").size(), 2U);
}

TEST_F(AuditTest, WhatIsOldIsArchivedAndTheChainStaysWhole) {
    add_records(20);
    must(audit->checkpoint(soon()));
    EXPECT_FALSE(must(audit->archive(caller()))) << "nothing is old enough";
    clock.advance(std::chrono::days(401));
    add_records(1);
    const auto part = must(audit->archive(caller()));
    ASSERT_TRUE(part);
    EXPECT_TRUE(std::filesystem::exists(directory / "archive" / part->file));
    ASSERT_EQ(records("audit.archive").size(), 2U);
    EXPECT_EQ(records("audit.archive")[1].record.principal, "tester");
    auto db = must(sqlite::Connection::open(database(), sqlite::Connection::Mode::read_only));
    EXPECT_TRUE(must(sqlite::verify_database(db, {})).ok());
    EXPECT_LT(records().size(), 5U);
}

}  // namespace
}  // namespace signet::service
