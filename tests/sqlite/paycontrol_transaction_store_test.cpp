#include "sqlite/paycontrol_transaction_store.h"

#include <atomic>
#include <thread>

#include "base/digest.h"
#include "sqlite/paycontrol_event_store.h"
#include "sqlite/paycontrol_operation_store.h"
#include "tests/sqlite/database_fixture.h"

namespace signet::sqlite {
namespace {

namespace transactions = paycontrol_transaction_store;
namespace operations = paycontrol_operation_store;
namespace events = paycontrol_event_store;

const auto kNow = from_unix_ms(1'700'000'000'000);

PcTransaction sample(std::string id) {
    PcTransaction value;
    value.transaction_id = std::move(id);
    value.system_id = "system";
    value.user_id = "user";
    value.text = "Money transfer";
    value.binary = {0, 1, 0xFF};
    value.data_type = PcDataType::combined;
    value.data_hash = Bytes(32, 7);
    value.snippet = "short";
    value.code_length = 8;
    value.push = true;
    value.callback_url = "https://bank.example/callback";
    value.app_extra = "{}";
    value.extra = R"({"a":1})";
    value.created = kNow;
    return value;
}

class PaycontrolTransactionStoreTest : public DatabaseTest {
  protected:
    // One writer for all threads of a test.
    void write(const Work& work) { must(writer->run(work)); }
    Connection* reader() { return &db; }
    std::int64_t put(PcTransaction value) {
        std::int64_t row = 0;
        write([&](Transaction& t) -> Status {
            SIGNET_ASSIGN(row, transactions::insert(t, value));
            return {};
        });
        return row;
    }
    PcTransaction get(std::int64_t row) { return transactions::find_row(*reader(), row).value().value(); }
    bool end(const PcTransaction& value, const transactions::Finish& how, SystemTime now = kNow) {
        bool ended = false;
        write([&](Transaction& t) -> Status {
            SIGNET_ASSIGN(ended, transactions::finish(t, value, how, now));
            return {};
        });
        return ended;
    }
    std::unique_ptr<Writer> writer = start();
    Connection db = read_only();
};

TEST_F(PaycontrolTransactionStoreTest, KeepsEverything) {
    auto value = sample("t1");
    value.id = put(value);
    EXPECT_TRUE(get(value.id) == value);
    EXPECT_TRUE(transactions::find(*reader(), "system", "user", "t1").value());
    EXPECT_FALSE(transactions::find(*reader(), "other", "user", "t1").value());
    EXPECT_FALSE(transactions::find(*reader(), "system", "other", "t1").value());
}

TEST_F(PaycontrolTransactionStoreTest, AnIdIsUniqueAmongAllSystems) {
    put(sample("t1"));
    auto other = sample("t1");
    other.system_id = "other";
    const auto refused = writer->run([&](Transaction& t) -> Status {
        SIGNET_TRY(transactions::insert(t, other));
        return {};
    });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::already_exists);
}

TEST_F(PaycontrolTransactionStoreTest, EndsOnce) {
    auto value = sample("t1");
    value.id = put(value);
    EXPECT_TRUE(end(value, {.outcome = PcOutcome::confirmed}));
    EXPECT_FALSE(end(value, {.outcome = PcOutcome::confirmed}));
    EXPECT_FALSE(end(value, {.outcome = PcOutcome::canceled}));
    EXPECT_EQ(get(value.id).status, PcStatus::confirmed);
    EXPECT_EQ(get(value.id).outcome, PcOutcome::confirmed);
    EXPECT_EQ(get(value.id).text, value.text);
}

TEST_F(PaycontrolTransactionStoreTest, OneOfManyAtOnceEndsIt) {
    auto value = sample("t1");
    value.expires = kNow;  // both an end by time and others are tried, at times before and after
    value.id = put(value);
    std::atomic<int> winners{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i)
        threads.emplace_back([&, i] {
            const auto outcome = i % 3 == 0   ? PcOutcome::confirmed
                                 : i % 3 == 1 ? PcOutcome::canceled
                                              : PcOutcome::timed_out;
            const auto now = outcome == PcOutcome::timed_out ? kNow : kNow - std::chrono::milliseconds(1);
            if (end(value, {.outcome = outcome}, now)) ++winners;
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(winners, 1);
}

TEST_F(PaycontrolTransactionStoreTest, ExpiresByTimeAndOnlyThen) {
    auto value = sample("t1");
    value.ttl = 60;
    value.expires = kNow + std::chrono::seconds(60);
    value.id = put(value);
    EXPECT_FALSE(end(value, {.outcome = PcOutcome::timed_out}, kNow));
    EXPECT_TRUE(transactions::expired(*reader(), kNow, 10).value().empty());
    EXPECT_EQ(transactions::unfinished(*reader(), "system", "user", false, kNow, 10).value().size(), 1U);
    const auto late = *value.expires;
    EXPECT_EQ(transactions::unfinished(*reader(), "system", "user", false, late, 10).value().size(), 0U);
    EXPECT_FALSE(end(value, {.outcome = PcOutcome::confirmed}, late));
    EXPECT_EQ(transactions::expired(*reader(), late, 10).value().size(), 1U);
    EXPECT_TRUE(end(value, {.outcome = PcOutcome::timed_out}, late));
    EXPECT_EQ(get(value.id).status, PcStatus::declined);
}

TEST_F(PaycontrolTransactionStoreTest, CleansWhatWasConfirmed) {
    auto value = sample("t1");
    value.id = put(value);
    EXPECT_TRUE(end(value, {.outcome = PcOutcome::confirmed, .clean = true}));
    const auto after = get(value.id);
    EXPECT_EQ(after.data_type, PcDataType::empty);
    EXPECT_TRUE(after.text.empty() && after.binary.empty() && !after.snippet);
    EXPECT_EQ(after.data_hash, value.data_hash);
}

TEST_F(PaycontrolTransactionStoreTest, GuessesThatCameTogetherCount) {
    auto value = sample("t1");
    value.id = put(value);
    write([&](Transaction& t) -> Status {
        for (std::uint32_t i = 1; i <= 3; ++i) {
            SIGNET_ASSIGN(const auto wrong, transactions::count_wrong_code(t, value.id));
            EXPECT_EQ(wrong, i);
        }
        return {};
    });
    EXPECT_FALSE(end(value, {.outcome = PcOutcome::confirmed, .wrong_limit = 3}));
    EXPECT_TRUE(end(value, {.outcome = PcOutcome::confirmed}));
}

TEST_F(PaycontrolTransactionStoreTest, StatusesOnlyRise) {
    auto value = sample("t1");
    value.id = put(value);
    write([&](Transaction& t) -> Status {
        EXPECT_TRUE(transactions::advance(t, value.id, PcStatus::data_sent).value());
        EXPECT_FALSE(transactions::advance(t, value.id, PcStatus::push_sent).value());
        return {};
    });
    EXPECT_EQ(get(value.id).status, PcStatus::data_sent);
}

TEST_F(PaycontrolTransactionStoreTest, ListsAreOfThoseThatWait) {
    put(sample("t1"));
    auto automatic = sample("t2");
    automatic.autosign = true;
    put(automatic);
    auto foreign = sample("t3");
    foreign.user_id = "other";
    put(foreign);
    EXPECT_EQ(transactions::unfinished(*reader(), "system", "user", false, kNow, 10).value(),
              (std::vector<std::string>{"t2", "t1"}));
    EXPECT_EQ(transactions::unfinished(*reader(), "system", "user", true, kNow, 10).value(),
              (std::vector<std::string>{"t2"}));
}

TEST_F(PaycontrolTransactionStoreTest, OperationsEndWithTheirLastTransaction) {
    PcOperation operation;
    operation.operation_id = "o1";
    operation.system_id = "system";
    operation.user_id = "user";
    operation.unfinished = operation.total = 2;
    operation.created = kNow;
    write([&](Transaction& t) -> Status {
        SIGNET_ASSIGN(operation.id, operations::insert(t, operation));
        return {};
    });
    EXPECT_TRUE(operations::find(*reader(), "system", "user", "o1").value() == operation);
    std::vector<PcTransaction> parts{sample("p1"), sample("p2")};
    for (auto& part : parts) {
        part.operation = operation.id;
        part.id = put(part);
    }
    // They are asked for through their operation.
    EXPECT_TRUE(transactions::unfinished(*reader(), "system", "user", false, kNow, 10).value().empty());
    EXPECT_TRUE(end(parts[0], {.outcome = PcOutcome::confirmed}));
    EXPECT_FALSE(end(parts[0], {.outcome = PcOutcome::declined}));
    write([&](Transaction& t) -> Status {
        EXPECT_EQ(operations::settle(t, operation.id, kNow).value().status,
                  PcOperationStatus::processed_partially);
        EXPECT_TRUE(operations::grow(t, operation.id, 1, kNow));
        return {};
    });
    auto third = sample("p3");
    third.operation = operation.id;
    third.id = put(third);
    EXPECT_TRUE(end(parts[1], {.outcome = PcOutcome::declined}));
    EXPECT_TRUE(end(third, {.outcome = PcOutcome::canceled}));
    write([&](Transaction& t) -> Status {
        const auto settled = operations::settle(t, operation.id, kNow).value();
        EXPECT_EQ(settled.status, PcOperationStatus::processed);
        EXPECT_EQ(settled.unfinished, 0U);
        EXPECT_EQ(operations::grow(t, operation.id, 1, kNow).error().code, ErrorCode::conflict);
        return {};
    });
    EXPECT_TRUE(operations::unfinished(*reader(), "system", "user", kNow, 10).value().empty());
}

TEST_F(PaycontrolTransactionStoreTest, AttemptsBelongToTheirUser) {
    auto value = sample("t1");
    value.id = put(value);
    PcConfirmAttempt attempt{.transaction = value.id,
                             .event_id = 4,
                             .result = 261,
                             .confirm_code = "12345678",
                             .check_time = 5,
                             .key_id = 3,
                             .scoring = "{}",
                             .created = kNow};
    write([&](Transaction& t) -> Status {
        SIGNET_ASSIGN(attempt.id, transactions::insert_attempt(t, attempt));
        return {};
    });
    EXPECT_TRUE(transactions::attempts(*reader(), value.id, 10).value() == std::vector{attempt});
    EXPECT_TRUE(transactions::find_attempt(*reader(), "system", "user", attempt.id).value() == attempt);
    EXPECT_FALSE(transactions::find_attempt(*reader(), "system", "other", attempt.id).value());
}

TEST_F(PaycontrolTransactionStoreTest, WrongCodesAreCountedForAWhile) {
    const Bytes scope(32, 1);
    const auto until = kNow + std::chrono::seconds(9);
    write([&](Transaction& t) -> Status {
        SIGNET_TRY(transactions::add_wrong_code(t, scope, kNow, until));
        return transactions::add_wrong_code(t, scope, kNow, until + std::chrono::seconds(9));
    });
    EXPECT_EQ(transactions::wrong_codes(*reader(), scope, kNow).value(), 2U);
    EXPECT_EQ(transactions::wrong_codes(*reader(), scope, until).value(), 0U);
    write([&](Transaction& t) -> Status {
        SIGNET_TRY(transactions::add_wrong_code(t, scope, until, until + std::chrono::seconds(9)));
        return {};
    });
    EXPECT_EQ(transactions::wrong_codes(*reader(), scope, until).value(), 1U);
    write([&](Transaction& t) -> Status {
        EXPECT_EQ(transactions::prune_wrong_codes(t, until + std::chrono::seconds(9), 10).value(), 1U);
        return {};
    });
}

TEST_F(PaycontrolTransactionStoreTest, WhatIsPastItsRetentionGoes) {
    auto value = sample("t1");
    value.id = put(value);
    write([&](Transaction& t) -> Status {
        SIGNET_TRY(transactions::insert_attempt(t, {.transaction = value.id, .created = kNow}));
        EXPECT_EQ(transactions::prune(t, kNow, 10).value(), 0U);
        EXPECT_EQ(transactions::prune(t, kNow + std::chrono::seconds(1), 10).value(), 1U);
        return {};
    });
    EXPECT_TRUE(transactions::attempts(*reader(), value.id, 10).value().empty());
}

PcEvent event(std::string user, std::string type, SystemTime created) {
    PcEvent out;
    out.system_id = "system";
    out.user_id = std::move(user);
    out.request_type = std::move(type);
    out.transaction_id = "t1";
    out.session_id = "s1";
    out.request_url = "http://localhost/pc-api/system";
    out.requester_ip = "192.0.2.1, 198.51.100.7";
    out.connection_info = R"({"src":{}})";
    out.device_info = "phone";
    out.instance = "node";
    out.version = "1";
    out.created = out.updated = created;
    return out;
}

TEST_F(PaycontrolTransactionStoreTest, EventsAreFoundByEveryFilter) {
    write([&](Transaction& t) -> Status {
        SIGNET_TRY(events::insert(t, event("a", "create_user", kNow)));
        SIGNET_TRY(events::insert(t, event("b", "change_user", kNow + std::chrono::seconds(5))));
        return {};
    });
    const auto count = [&](const PcEventFilter& filter) {
        const auto counted = events::count(*reader(), filter).value();
        EXPECT_EQ(events::list(*reader(), filter, 0, 100).value().size(), counted);
        return counted;
    };
    EXPECT_EQ(count({}), 2U);
    EXPECT_EQ(count({.system_id = "system"}), 2U);
    EXPECT_EQ(count({.system_id = "other"}), 0U);
    EXPECT_EQ(count({.user_id = "a"}), 1U);
    EXPECT_EQ(count({.transaction_id = "t1"}), 2U);
    EXPECT_EQ(count({.operation_id = "o1"}), 0U);
    EXPECT_EQ(count({.instance = "node"}), 2U);
    EXPECT_EQ(count({.session_id = "s1", .request_type = "change_user"}), 1U);
    EXPECT_EQ(count({.request_result = 0}), 2U);
    EXPECT_EQ(count({.request_result = 208}), 0U);
    EXPECT_EQ(count({.requester_ip = "198.51.100.7"}), 2U);
    EXPECT_EQ(count({.requester_ip = "198.51.100"}), 0U);
    EXPECT_EQ(count({.cleaned = false}), 2U);
    EXPECT_EQ(count({.cleaned = true}), 0U);
    EXPECT_EQ(count({.from = kNow + std::chrono::seconds(1)}), 1U);
    EXPECT_EQ(count({.to = kNow}), 1U);
    // Newest first, by position.
    EXPECT_EQ(events::list(*reader(), {}, 0, 1).value().front().user_id, "b");
    EXPECT_EQ(events::list(*reader(), {}, 1, 1).value().front().user_id, "a");
}

TEST_F(PaycontrolTransactionStoreTest, EventsAreCleanedOfTheirLargeFields) {
    std::int64_t id = 0;
    write([&](Transaction& t) -> Status {
        SIGNET_ASSIGN(id, events::insert(t, event("a", "create_user", kNow)));
        return events::clean(t, std::vector{id}, kNow);
    });
    const auto cleaned = events::find(*reader(), id).value().value();
    EXPECT_TRUE(cleaned.cleaned);
    EXPECT_TRUE(cleaned.device_info.empty() && cleaned.event_data.empty() && cleaned.connection_info.empty());
    EXPECT_EQ(cleaned.request_type, "create_user");
    write([&](Transaction& t) -> Status {
        EXPECT_EQ(events::prune(t, kNow + std::chrono::seconds(1), 10).value(), 1U);
        return {};
    });
}

}  // namespace
}  // namespace signet::sqlite
