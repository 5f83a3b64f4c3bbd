#include "sqlite/writer.h"

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "sqlite/audit_verify.h"
#include "tests/sqlite/database_fixture.h"

namespace signet::sqlite {
namespace {

class WriterTest : public DatabaseTest {
  protected:
    void SetUp() override { must(open().execute("CREATE TABLE t (i INTEGER) STRICT")); }
    std::int64_t count() const {
        auto db = read_only();
        auto query = must(db.query("SELECT count(*) FROM t"));
        must(query.step());
        return query.integer(0);
    }
    AuditReport verify() const {
        auto db = read_only();
        return must(verify_database(db, {}));
    }
    static Work insert(int value) {
        return [value](Transaction& transaction) {
            return transaction.db().run("INSERT INTO t VALUES (?)", value);
        };
    }
    // Holds the writer thread in a piece of work until the returned promise is kept, so that a queue builds up.
    static std::promise<void> hold(Writer& writer) {
        std::promise<void> release;
        auto running = std::make_shared<std::promise<void>>();
        auto is_running = running->get_future();
        writer.run_async(
            [running, released = std::make_shared<std::shared_future<void>>(release.get_future())](
                Transaction&) -> Status {
                running->set_value();
                released->wait();
                return {};
            },
            [](Status) {});
        is_running.wait();
        return release;
    }
};

TEST_F(WriterTest, AppendsToTheChain) {
    auto writer = start();
    EXPECT_EQ(writer->head(), ChainHead{});
    EXPECT_EQ(must(writer->append(record_of("a"))), 1U);
    EXPECT_EQ(must(writer->append(record_of("b"))), 2U);
    EXPECT_EQ(writer->head().sequence, 2U);
    auto db = read_only();
    const auto first = must(audit_log::find(db, 1));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->record.object, "a");
    EXPECT_EQ(first->record.time_ms, to_unix_ms(clock.now()));
    EXPECT_EQ(first->hash, chain_hash({}, first->record));
    EXPECT_TRUE(verify().ok());
}

TEST_F(WriterTest, GoesOnWhereTheChainEnded) {
    must(start()->append(record_of("a")));
    EXPECT_EQ(must(start()->append(record_of("b"))), 2U);
    EXPECT_TRUE(verify().ok());
}

TEST_F(WriterTest, StateAndRecordGoTogether) {
    auto writer = start();
    std::uint64_t sequence = 0;
    ASSERT_TRUE(writer->run([&](Transaction& transaction) -> Status {
        SIGNET_ASSIGN(sequence, transaction.audit(record_of("a")));
        return transaction.db().run("INSERT INTO t VALUES (1)");
    }));
    EXPECT_EQ(sequence, 1U);
    EXPECT_EQ(count(), 1);

    const auto failed = writer->run([&](Transaction& transaction) -> Status {
        SIGNET_TRY(transaction.audit(record_of("b")));
        SIGNET_TRY(transaction.db().run("INSERT INTO t VALUES (2)"));
        return fail(ErrorCode::conflict, "no");
    });
    EXPECT_EQ(failed.error().code, ErrorCode::conflict);
    EXPECT_EQ(count(), 1);
    EXPECT_EQ(must(writer->append(record_of("c"))), 2U);
    EXPECT_EQ(verify().records, 2U);
}

TEST_F(WriterTest, GroupsWhatWaitsIntoOneCommit) {
    auto writer = start();
    auto release = hold(*writer);
    const auto before = writer->statistics();
    constexpr int kPieces = 100;
    std::atomic<int> done{0};
    std::promise<void> all;
    for (int i = 0; i < kPieces; ++i) {
        writer->append_async(record_of(std::to_string(i)), [&](Result<std::uint64_t> sequence) {
            EXPECT_TRUE(sequence);
            if (++done == kPieces) all.set_value();
        });
    }
    EXPECT_EQ(writer->statistics().depth, std::size_t{kPieces});
    release.set_value();
    all.get_future().wait();
    const auto after = writer->statistics();
    EXPECT_EQ(before.commits, 0U);
    EXPECT_EQ(after.commits, 2U);  // the piece that held the thread, and all others together
    EXPECT_EQ(after.batch_size_total, std::uint64_t{kPieces} + 1);
    EXPECT_EQ(after.batch_sizes[7], 1U);  // 65 to 128 pieces
    EXPECT_EQ(after.batch_sizes[0], 1U);
    EXPECT_EQ(after.depth, 0U);
    EXPECT_TRUE(after.healthy);
}

TEST_F(WriterTest, KeepsBatchesWithinTheirLimit) {
    auto writer = start({.batch_limit = 10});
    auto release = hold(*writer);
    for (int i = 0; i < 95; ++i)
        writer->append_async(record_of("x"), [](auto) {});
    release.set_value();
    writer->stop();
    EXPECT_EQ(writer->statistics().commits, 1U + 10U);
}

TEST_F(WriterTest, OneFailureDoesNotHurtTheOthersOfItsBatch) {
    auto writer = start();
    auto release = hold(*writer);
    std::vector<std::future<bool>> outcomes;
    const auto submit = [&](Work work) {
        auto promise = std::make_shared<std::promise<bool>>();
        outcomes.push_back(promise->get_future());
        writer->run_async(std::move(work),
                          [promise](Status status) { promise->set_value(status.has_value()); });
    };
    const auto audited = [](int value, int fault) {
        return [value, fault](Transaction& transaction) -> Status {
            SIGNET_TRY(transaction.audit(record_of(std::to_string(value))));
            SIGNET_TRY(transaction.db().run("INSERT INTO t VALUES (?)", value));
            if (fault == 1) return fail(ErrorCode::conflict, "no");
            if (fault == 2) throw std::runtime_error("no");
            if (fault == 3)
                return transaction.db().run("INSERT INTO t VALUES ('text')");  // a STRICT table refuses it
            return {};
        };
    };
    for (int i = 0; i < 20; ++i)
        submit(audited(i, i % 4));
    release.set_value();
    for (std::size_t i = 0; i < outcomes.size(); ++i)
        EXPECT_EQ(outcomes[i].get(), i % 4 == 0) << i;
    EXPECT_EQ(writer->statistics().commits, 2U);
    EXPECT_EQ(count(), 5);
    const auto report = verify();
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.records, 5U);
    EXPECT_EQ(report.head.sequence, 5U);  // no gaps
}

TEST_F(WriterTest, RefusesWhenTheQueueIsFull) {
    auto writer = start({.queue_limit = 3});
    auto release = hold(*writer);
    std::atomic<int> overloaded{0};
    std::atomic<int> written{0};
    for (int i = 0; i < 5; ++i) {
        writer->append_async(record_of("x"), [&](Result<std::uint64_t> sequence) {
            if (sequence) {
                ++written;
            } else {
                EXPECT_EQ(sequence.error().code, ErrorCode::overloaded);
                EXPECT_TRUE(sequence.error().retry_after);
                ++overloaded;
            }
        });
    }
    EXPECT_EQ(overloaded, 2);
    release.set_value();
    writer->stop();
    EXPECT_EQ(written, 3);
    EXPECT_EQ(writer->statistics().refused, 2U);
}

TEST_F(WriterTest, StopDoesWhatWaits) {
    auto writer = start();
    auto release = hold(*writer);
    std::atomic<int> written{0};
    for (int i = 0; i < 50; ++i)
        writer->append_async(record_of("x"),
                             [&](Result<std::uint64_t> done) { written += done.has_value(); });
    std::thread stopper([&] { writer->stop(); });
    release.set_value();
    stopper.join();
    EXPECT_EQ(written, 50);
    EXPECT_EQ(writer->append(record_of("late")).error().code, ErrorCode::cancelled);
    EXPECT_EQ(writer->run(insert(1)).error().code, ErrorCode::cancelled);
    writer->stop();
}

TEST_F(WriterTest, RefusesABadRecord) {
    auto writer = start();
    EXPECT_EQ(writer->append(record_of("a", std::string(257 << 10, 'x'))).error().code, ErrorCode::too_large);
    EXPECT_EQ(writer->append(record_of("\xFF")).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(writer->append(record_of(std::string(1, '\0'))).error().code, ErrorCode::invalid_argument);
    const auto in_work = writer->run([](Transaction& transaction) -> Status {
        SIGNET_TRY(transaction.audit(record_of("\xFF")));
        return {};
    });
    EXPECT_EQ(in_work.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(must(writer->append(record_of("a"))), 1U);
}

TEST_F(WriterTest, RunInsideAPieceOfWorkIsRefusedNotHung) {
    auto writer = start();
    const auto nested = writer->run([&](Transaction&) { return writer->run(insert(1)); });
    EXPECT_EQ(nested.error().code, ErrorCode::internal);
}

TEST_F(WriterTest, SeesWhatAnotherConnectionAppended) {
    auto writer = start();
    must(writer->append(record_of("a")));
    {
        auto other = start();
        EXPECT_EQ(must(other->append(record_of("b"))), 2U);
    }
    EXPECT_EQ(must(writer->append(record_of("c"))), 3U);
    EXPECT_TRUE(verify().ok());
}

TEST_F(WriterTest, WaitsForALockAndGivesUp) {
    auto writer = start({.lock_timeout = std::chrono::milliseconds(1)});
    auto other = open();
    {
        auto held = must(ScopedTransaction::begin(other, ScopedTransaction::Kind::write));
        const auto refused = writer->append(record_of("a"));
        EXPECT_EQ(refused.error().code, ErrorCode::storage_failed);
        EXPECT_NE(refused.error().message.find("another process"), std::string::npos);
        EXPECT_FALSE(writer->statistics().healthy);
    }
    EXPECT_EQ(must(writer->append(record_of("a"))), 1U);
    EXPECT_TRUE(writer->statistics().healthy);
}

TEST_F(WriterTest, TheHeartbeatGoesOnWhenIdle) {
    auto writer = start();
    const auto first = writer->heartbeat();
    for (int i = 0; i < 300 && writer->heartbeat() == first; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_GT(writer->heartbeat(), first);
}

TEST_F(WriterTest, ManyThreadsMakeOneChain) {
    auto writer = start();
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                if (i % 5 == 0)
                    EXPECT_TRUE(writer->run([](Transaction& transaction) -> Status {
                        SIGNET_TRY(transaction.audit(record_of("work")));
                        return {};
                    }));
                else
                    EXPECT_TRUE(writer->append(record_of("append")));
            }
        });
    for (auto& thread : threads)
        thread.join();
    const auto report = verify();
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(report.records, 400U);
    EXPECT_EQ(report.head, writer->head());
}

}  // namespace
}  // namespace signet::sqlite
