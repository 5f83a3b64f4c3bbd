#include "sqlite/audit_log.h"

#include "base/encoding.h"
#include "tests/sqlite/audit_chain_fixture.h"

namespace signet::sqlite {
namespace {

using AuditLogTest = AuditChainTest;

// Made with Python's hashlib and struct, from the layout in audit_record.h.
TEST(AuditRecordTest, TheHashIsAsDocumented) {
    AuditRecord record;
    record.sequence = 7;
    record.time_ms = 1'700'000'000'123;
    record.request_id = "req";
    record.principal = "gateway";
    record.action = "keys.sign";
    record.object = "document/1";
    record.outcome = "ok";
    record.details = "{}";
    Sha256 previous;
    previous.fill(0x11);
    EXPECT_EQ(to_hex(chain_hash(previous, record)),
              "42a3ab6ec7a33c8f9d43db084bdc67f135f1ed8e4e1dd73f3b0f3631b25b5655");
}

TEST_F(AuditLogTest, ReadsPages) {
    fill(25, 100);
    auto db = read_only();
    const auto first = must(audit_log::read(db, 0, 10));
    EXPECT_EQ(first.records.size(), 10U);
    EXPECT_TRUE(first.more);
    EXPECT_EQ(first.next_after, 10U);
    const auto last = must(audit_log::read(db, 20, 10));
    EXPECT_EQ(last.records.size(), 5U);
    EXPECT_FALSE(last.more);
    EXPECT_EQ(last.next_after, 25U);
    const auto none = must(audit_log::read(db, 25, 10));
    EXPECT_TRUE(none.records.empty());
    EXPECT_EQ(none.next_after, 25U);
    const auto tail = must(audit_log::tail(db, 3));
    ASSERT_EQ(tail.records.size(), 3U);
    EXPECT_EQ(tail.records[0].record.sequence, 23U);
    EXPECT_EQ(must(audit_log::tail(db, 100)).records.size(), 25U);
}

TEST_F(AuditLogTest, Searches) {
    {
        auto writer = start();
        for (int i = 0; i < 30; ++i) {
            auto record = record_of("key-" + std::to_string(i % 3));
            record.action = i % 2 == 0 ? "keys.sign" : "ca.issue";
            record.principal = i < 10 ? "a" : "b";
            must(writer->append(std::move(record)));
            clock.advance(std::chrono::seconds(1));
        }
    }
    auto db = read_only();
    const auto count = [&](const AuditFilter& filter) {
        std::size_t total = 0;
        for (std::uint64_t after = 0;;) {
            const auto page = must(audit_log::search(db, filter, after, 2, 5));
            total += page.records.size();
            EXPECT_LE(page.records.size(), 2U);
            if (!page.more) return total;
            EXPECT_GT(page.next_after, after);
            after = page.next_after;
        }
    };
    const auto start_time = from_unix_ms(1'700'000'000'000);
    EXPECT_EQ(count({}), 30U);
    EXPECT_EQ(count({.principal = "a"}), 10U);
    EXPECT_EQ(count({.action = "keys.*"}), 15U);
    EXPECT_EQ(count({.action = "keys"}), 0U);
    EXPECT_EQ(count({.object = "key-1"}), 10U);
    EXPECT_EQ(count({.principal = "a", .action = "ca.issue", .object = "key-*"}), 5U);
    EXPECT_EQ(count({.outcome = "failed"}), 0U);
    EXPECT_EQ(count({.request_id = "req-1"}), 30U);
    EXPECT_EQ(
        count({.from = start_time + std::chrono::seconds(10), .to = start_time + std::chrono::seconds(12)}),
        2U);
}

TEST_F(AuditLogTest, ACheckpointMustFitTheChain) {
    fill(5, 100);
    auto head = verify().head;
    head.hash[0] ^= 1;
    EXPECT_EQ(write([&](Transaction& transaction) {
                  return audit_log::add_checkpoint(transaction, Checkpoint{.head = head});
              })
                  .error()
                  .code,
              ErrorCode::conflict);
}

TEST_F(AuditLogTest, FindsCheckpoints) {
    fill(30, 10);
    auto db = read_only();
    EXPECT_EQ(must(audit_log::last_checkpoint(db))->head.sequence, 30U);
    EXPECT_EQ(must(audit_log::checkpoints(db, 10, 5)).size(), 2U);
    EXPECT_EQ(must(audit_log::last_checkpoint_before(
                       db, from_unix_ms(1'700'000'000'000) + std::chrono::seconds(20)))
                  ->head.sequence,
              20U);
    EXPECT_FALSE(must(audit_log::last_checkpoint_before(db, from_unix_ms(1'700'000'000'000))));
}

}  // namespace
}  // namespace signet::sqlite
