// Chains that do not fit the token's anchor: none of them may be signed further, nor anything with them.
#include <atomic>
#include <latch>
#include <thread>

#include "tests/daemon/service/service_fixture.h"

namespace signet::service {
namespace {

class AuditTrustTest : public ServiceTest {
  protected:
    AuditTrustTest() {
        synchronise();
        must(audit->note("system.test", "ok", "{}"));
    }
    void add_records(int count) {
        for (int i = 0; i < count; ++i)
            must(audit->note("system.test", "ok", "{}"));
    }
    void expect_refused(std::string_view why) {
        EXPECT_TRUE(audit->compare_with_anchor(soon()));
        EXPECT_EQ(audit->trusted().error().code, ErrorCode::storage_failed);
        EXPECT_NE(audit->trouble().find(why), std::string::npos) << audit->trouble();
        EXPECT_NE(audit->trouble().find("re-anchor"), std::string::npos) << "what to do about it";
        const auto before = (*must(token.read_anchor(soon()))).sequence;
        add_records(1);
        EXPECT_EQ(audit->checkpoint(soon()).error().code, ErrorCode::storage_failed);
        EXPECT_EQ((*must(token.read_anchor(soon()))).sequence, before);
        health->check(std::chrono::seconds(5));
        const auto readiness = health->readiness();
        EXPECT_FALSE(readiness.ready);
        ASSERT_EQ(readiness.reasons.size(), 1U);
        EXPECT_EQ(readiness.reasons[0].code, "audit_chain");
    }
};

TEST_F(AuditTrustTest, NothingIsServedBeforeTheFirstComparison) {
    EXPECT_EQ(audit->trusted().error().code, ErrorCode::token_unavailable);
    token.set_unavailable(true);
    EXPECT_FALSE(audit->compare_with_anchor(soon())) << "an absent token says nothing";
    EXPECT_EQ(audit->trusted().error().code, ErrorCode::token_unavailable);
    token.set_unavailable(false);
    EXPECT_TRUE(audit->compare_with_anchor(soon()));
    EXPECT_TRUE(audit->trusted());
    token.set_unavailable(true);
    EXPECT_FALSE(audit->compare_with_anchor(soon()));
    EXPECT_TRUE(audit->trusted()) << "what was trusted is, until something else is known";
}

// The database was put back and went on: its chain is longer than the anchored one, and another.
TEST_F(AuditTrustTest, ALongerForkIsNeverSigned) {
    must(writer->run([](sqlite::Transaction&) -> Status { return {}; }));
    close();
    const auto copy = directory / "copy.db";
    std::filesystem::copy_file(database(), copy);
    open();
    add_records(3);
    must(audit->checkpoint(soon()));
    close();
    for (const auto* suffix : {"-wal", "-shm"})
        std::filesystem::remove(database().string() + suffix);
    std::filesystem::copy_file(copy, database(), std::filesystem::copy_options::overwrite_existing);
    clock.advance(std::chrono::minutes(1));
    open();
    add_records(10);
    expect_refused("went on from there");
}

TEST_F(AuditTrustTest, AShorterChainIsNotSigned) {
    const auto head = writer->head();
    must(token.sign_checkpoint({.key = {"audit", 1}, .sequence = head.sequence + 10, .head = head.hash},
                               soon()));
    expect_refused("older state");
}

TEST_F(AuditTrustTest, ADamagedAnchorIsTrouble) {
    must(audit->checkpoint(soon()));
    token.set_fault([](std::string_view operation) -> std::optional<Error> {
        if (operation != "read_anchor") return std::nullopt;
        return Error{ErrorCode::conflict, "the token holds two different audit anchors", {}};
    });
    EXPECT_TRUE(audit->compare_with_anchor(soon()));
    EXPECT_EQ(audit->trusted().error().code, ErrorCode::storage_failed);
    EXPECT_NE(audit->trouble().find("two different"), std::string::npos);
}

TEST_F(AuditTrustTest, AnAnchorThatIsGoneIsTrouble) {
    EXPECT_TRUE(audit->compare_with_anchor(soon()));
    EXPECT_TRUE(audit->trusted()) << "none was signed yet";
    must(audit->checkpoint(soon()));
    EXPECT_TRUE(audit->compare_with_anchor(soon()));
    EXPECT_TRUE(audit->trusted());
    token.forget_anchor();
    EXPECT_TRUE(audit->compare_with_anchor(soon()));
    EXPECT_EQ(audit->trusted().error().code, ErrorCode::storage_failed);
}

// Two archives at once would write one file, and each would delete what the other holds.
TEST_F(AuditTrustTest, OneArchiveAtATime) {
    add_records(20);
    must(audit->checkpoint(soon()));
    clock.advance(std::chrono::days(401));
    std::latch go(1);
    writer->run_async(
        [&](sqlite::Transaction&) -> Status {
            go.wait();
            return {};
        },
        [](const Status&) {});
    std::atomic<int> archived = 0;
    std::atomic<int> refused = 0;
    const auto archive = [&] {
        const auto done = audit->archive(caller());
        if (!done) {
            EXPECT_EQ(done.error().code, ErrorCode::conflict);
            ++refused;
        } else if (*done) {
            ++archived;
        }
    };
    std::thread first(archive);
    std::thread second(archive);
    // Whichever came first waits for the writer; the other one is told so.
    while (refused == 0)
        std::this_thread::yield();
    go.count_down();
    first.join();
    second.join();
    EXPECT_EQ(archived, 1);
    EXPECT_EQ(refused, 1);
    EXPECT_FALSE(must(audit->archive(caller()))) << "afterwards there is nothing left to archive";
}

}  // namespace
}  // namespace signet::service
