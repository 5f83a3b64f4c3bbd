// What somebody can do to the database's file, and that each is found.
#include "sqlite/audit_verify.h"

#include "tests/sqlite/audit_chain_fixture.h"

namespace signet::sqlite {
namespace {

using AuditVerifyTest = AuditChainTest;

TEST_F(AuditVerifyTest, AnEmptyChainIsWhole) {
    const auto report = verify();
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.records, 0U);
}

TEST_F(AuditVerifyTest, AWholeChainVerifies) {
    fill(50, 10);
    const auto report = verify();
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.records, 50U);
    EXPECT_EQ(report.head.sequence, 50U);
    EXPECT_EQ(report.checkpoints, 5U);
    EXPECT_EQ(report.last_checkpoint, 50U);
}

TEST_F(AuditVerifyTest, TheDatabaseItselfRefusesChanges) {
    fill(3, 10);
    auto db = open();
    EXPECT_FALSE(db.run("UPDATE audit_records SET object = 'x' WHERE sequence = 1"));
    EXPECT_FALSE(db.run("DELETE FROM audit_records WHERE sequence = 1"));
    EXPECT_TRUE(verify().ok());
}

TEST_F(AuditVerifyTest, FindsARewrittenRecord) {
    fill(20, 10);
    for (const std::string column : {"object", "principal", "action", "outcome", "details", "request_id"}) {
        tamper("UPDATE audit_records SET " + column + " = " + column + " || 'x' WHERE sequence = 15");
        const auto report = verify();
        ASSERT_EQ(report.finding_count, 1U) << column;
        EXPECT_EQ(report.findings[0].fault, AuditFault::rewritten);
        EXPECT_EQ(report.findings[0].sequence, 15U);
        tamper("UPDATE audit_records SET " + column + " = substr(" + column + ", 1, length(" + column +
               ") - 1) WHERE sequence = 15");
        ASSERT_TRUE(verify().ok());
    }
    tamper("UPDATE audit_records SET time_ms = time_ms + 1 WHERE sequence = 15");
    EXPECT_TRUE(found(verify(), AuditFault::rewritten));
}

TEST_F(AuditVerifyTest, FindsARewrittenHash) {
    fill(20, 10);
    tamper("UPDATE audit_records SET hash = zeroblob(32) WHERE sequence = 10");
    const auto report = verify();
    EXPECT_TRUE(found(report, AuditFault::rewritten));
    EXPECT_TRUE(found(report, AuditFault::forged_checkpoint));
    tamper("UPDATE audit_records SET hash = x'00' WHERE sequence = 15");
    EXPECT_TRUE(found(verify(), AuditFault::rewritten));
}

TEST_F(AuditVerifyTest, FindsAChainMadeAnew) {
    fill(20, 10);
    // The whole chain from record 8 on, with right hashes: only what was signed tells.
    auto db = open();
    auto head = must(audit_log::find(db, 7))->hash;
    tamper("SELECT 1");
    for (std::uint64_t i = 8; i <= 20; ++i) {
        auto record = must(audit_log::find(db, i))->record;
        record.object = "forged";
        head = chain_hash(head, record);
        must(db.run("UPDATE audit_records SET object = 'forged', hash = ? WHERE sequence = ?", ByteView(head),
                    i));
    }
    const auto report = verify();
    EXPECT_FALSE(found(report, AuditFault::rewritten));
    EXPECT_TRUE(found(report, AuditFault::forged_checkpoint));
}

TEST_F(AuditVerifyTest, FindsDeletedRecords) {
    fill(20, 10);
    tamper("DELETE FROM audit_records WHERE sequence IN (4, 5)");
    const auto report = verify();
    ASSERT_EQ(report.finding_count, 1U);
    EXPECT_EQ(report.findings[0].fault, AuditFault::gap);
    EXPECT_NE(report.findings[0].message.find("4 to 5"), std::string::npos);
}

TEST_F(AuditVerifyTest, FindsADeletedBeginning) {
    fill(20, 10);
    tamper("DELETE FROM audit_records WHERE sequence <= 5");
    EXPECT_TRUE(found(verify(), AuditFault::gap));
}

TEST_F(AuditVerifyTest, FindsAForgedAnchor) {
    fill(20, 10);
    tamper(
        "INSERT INTO audit_anchors SELECT sequence, hash, time_ms, 'x', zeroblob(32) FROM audit_records "
        "WHERE "
        "sequence = 5; DELETE FROM audit_records WHERE sequence <= 5");
    EXPECT_TRUE(found(verify(), AuditFault::unsigned_start));
}

TEST_F(AuditVerifyTest, FindsATruncatedEnd) {
    fill(20, 10);
    const auto head = verify().head;
    tamper("DELETE FROM audit_records WHERE sequence > 17");
    EXPECT_TRUE(found(verify(), AuditFault::truncated)) << "a checkpoint at 20 is left";
    tamper("DELETE FROM audit_checkpoints WHERE sequence > 17");
    EXPECT_TRUE(verify().ok()) << "nothing in the file tells";
    auto with_anchor = options();
    with_anchor.anchor = head;
    EXPECT_TRUE(found(verify(with_anchor), AuditFault::truncated));
}

TEST_F(AuditVerifyTest, ComparesTheAnchor) {
    fill(20, 10);
    auto with_anchor = options();
    with_anchor.anchor = verify().head;
    EXPECT_TRUE(verify(with_anchor).ok());
    fill(5, 10);
    EXPECT_TRUE(verify(with_anchor).ok()) << "the chain has grown since";
    with_anchor.anchor->hash[0] ^= 1;
    EXPECT_TRUE(found(verify(with_anchor), AuditFault::wrong_anchor));
}

TEST_F(AuditVerifyTest, FindsReorderedRecords) {
    fill(20, 10);
    tamper(
        "UPDATE audit_records SET sequence = 1000 WHERE sequence = 4;"
        "UPDATE audit_records SET sequence = 4 WHERE sequence = 5;"
        "UPDATE audit_records SET sequence = 5 WHERE sequence = 1000");
    const auto report = verify();
    EXPECT_TRUE(found(report, AuditFault::rewritten));
    EXPECT_EQ(report.findings[0].sequence, 4U);
}

TEST_F(AuditVerifyTest, FindsForgedCheckpoints) {
    fill(20, 10);
    tamper("UPDATE audit_checkpoints SET signature = zeroblob(32) WHERE sequence = 10");
    auto report = verify();
    ASSERT_EQ(report.finding_count, 1U);
    EXPECT_EQ(report.findings[0].fault, AuditFault::forged_checkpoint);
    EXPECT_EQ(report.findings[0].sequence, 10U);
    EXPECT_EQ(report.last_checkpoint, 20U);
    tamper("UPDATE audit_checkpoints SET hash = zeroblob(32) WHERE sequence = 20");
    report = verify();
    EXPECT_EQ(report.finding_count, 2U);
    EXPECT_EQ(report.last_checkpoint, 0U);
}

TEST_F(AuditVerifyTest, WithoutAKeyCheckpointsAreOnlyCompared) {
    fill(20, 10);
    const auto report = verify({});
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.checkpoints, 0U);
    EXPECT_EQ(report.unverified_checkpoints, 2U);
}

TEST_F(AuditVerifyTest, ReportsProgressAndCanBeEnded) {
    fill(20, 10);
    auto with = options();
    std::vector<std::uint64_t> seen;
    with.progress = [&](std::uint64_t sequence) {
        seen.push_back(sequence);
        return true;
    };
    EXPECT_TRUE(verify(with).ok());
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{7, 14, 20}));
    with.progress = [](std::uint64_t) { return false; };
    auto db = read_only();
    EXPECT_EQ(verify_database(db, with).error().code, ErrorCode::cancelled);
}

TEST_F(AuditVerifyTest, KeepsTheListOfFindingsShort) {
    fill(150, 1000);
    tamper("UPDATE audit_records SET object = 'x'");
    const auto report = verify();
    EXPECT_EQ(report.finding_count, 150U);
    EXPECT_EQ(report.findings.size(), AuditReport::kMaxFindings);
}

}  // namespace
}  // namespace signet::sqlite
