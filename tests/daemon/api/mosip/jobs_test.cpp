// Devices that do not synchronise, and what is kept no longer than it is needed.
#include "daemon/api/mosip/jobs.h"

#include <gtest/gtest.h>

#include "sqlite/audit_log.h"
#include "sqlite/mosip_device_store.h"
#include "sqlite/mosip_settings_store.h"
#include "sqlite/mosip_vendor_store.h"
#include "sqlite/read_pool.h"
#include "tests/sqlite/database_fixture.h"

namespace signet::api::mosip {
namespace {

using sqlite::must;
namespace store = sqlite::mosip_device_store;
using namespace std::chrono_literals;

class MosipJobs : public sqlite::DatabaseTest {
  protected:
    MosipJobs() : writer(start()), readers(must(sqlite::ReadPool::open(path, 2))) {
        must(writer->run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_ASSIGN(vendor,
                          sqlite::mosip_vendor_store::insert(
                              transaction, {.provider_id = "V", .name = "v", .created = clock.now()}));
            return {};
        }));
    }
    std::int64_t device(const std::string& serial, SystemTime synchronised) {
        std::int64_t id = 0;
        must(writer->run([&](sqlite::Transaction& transaction) -> Status {
            SIGNET_ASSIGN(id, store::insert(transaction, {.vendor = vendor,
                                                          .serial_number = serial,
                                                          .model = "M",
                                                          .purpose = "Auth",
                                                          .bio_type = "Face",
                                                          .created = clock.now()}));
            return store::set_registered(transaction, id, synchronised, "code-" + serial);
        }));
        return id;
    }
    sqlite::MosipDevice row(std::int64_t id) {
        const auto db = must(readers.lease());
        return *must(store::find(*db, id));
    }

    std::int64_t vendor = 0;
    std::unique_ptr<sqlite::Writer> writer;
    sqlite::ReadPool readers;
};

TEST_F(MosipJobs, IdleDevicesAreDeregisteredWithARecordEach) {
    const auto start_time = clock.now();
    std::vector<std::int64_t> idle;
    for (int i = 0; i < 450; ++i)
        idle.push_back(device("idle-" + std::to_string(i), start_time - std::chrono::days{31}));
    const auto fresh = device("fresh", start_time - std::chrono::days{29});
    const auto before = writer->head().sequence;
    ASSERT_TRUE(deregister_idle(*writer, readers, clock));
    for (const auto id : idle)
        EXPECT_FALSE(row(id).registered);
    EXPECT_EQ(row(idle.front()).device_code, "code-idle-0")
        << "it is told that it is not registered any more";
    EXPECT_TRUE(row(fresh).registered);
    EXPECT_EQ(writer->head().sequence, before + idle.size());
    {
        const auto db = must(readers.lease());
        const auto events = must(store::events(*db, idle.front(), 0, 10));
        ASSERT_EQ(events.size(), 1U);
        EXPECT_EQ(events.front().event, "de-registered: did not synchronise");
    }
    ASSERT_TRUE(deregister_idle(*writer, readers, clock));
    EXPECT_EQ(writer->head().sequence, before + idle.size()) << "once";
    clock.advance(std::chrono::days{2});
    ASSERT_TRUE(deregister_idle(*writer, readers, clock));
    EXPECT_FALSE(row(fresh).registered);
}

TEST_F(MosipJobs, ADeviceThatComesBackMeanwhileStays) {
    const auto id = device("late", clock.now() - std::chrono::days{31});
    must(writer->run([&](sqlite::Transaction& transaction) -> Status {
        SIGNET_TRY(store::note_sync(transaction, id, clock.now(), "1"));
        SIGNET_ASSIGN(const bool gone,
                      store::deregister(transaction, id, clock.now() - std::chrono::days{30}));
        EXPECT_FALSE(gone);
        return {};
    }));
    EXPECT_TRUE(row(id).registered);
}

TEST_F(MosipJobs, TransactionIdsGoOnceTheirTimeIsRefusedAnyhow) {
    const auto digest = [](int i) { return store::transaction_digest("V", "S", std::to_string(i)); };
    must(writer->run([&](sqlite::Transaction& transaction) -> Status {
        for (int i = 0; i < 300; ++i)
            SIGNET_TRY(store::note_transaction(transaction, digest(i), clock.now() - 40min));
        SIGNET_TRY(store::note_transaction(transaction, digest(1000), clock.now() - 29min));
        const auto again = store::note_transaction(transaction, digest(1000), clock.now());
        EXPECT_FALSE(again);
        EXPECT_EQ(again.error().code, ErrorCode::conflict);
        return {};
    }));
    ASSERT_TRUE(prune(*writer, clock, 15min));
    const auto db = must(readers.lease());
    EXPECT_FALSE(must(store::seen(*db, digest(0))));
    EXPECT_TRUE(must(store::seen(*db, digest(1000))));
    EXPECT_NE(store::transaction_digest("V", "S1", "2"), store::transaction_digest("V", "S", "12"));
}

TEST_F(MosipJobs, NoTwoDevicesShareAKey) {
    auto one = row(device("one", clock.now()));
    auto two = row(device("two", clock.now()));
    for (auto* each : {&one, &two}) {
        each->certificate = Bytes(3, 1);
        each->issued = each->expires = clock.now();
        each->serial = Bytes(16, each == &one ? 1 : 2);
        each->key_hash = Bytes(32, 7);
    }
    EXPECT_TRUE(write(
        [&](sqlite::Transaction& transaction) { return store::set_certificate(transaction, one, {}); }));
    const auto shared =
        write([&](sqlite::Transaction& transaction) { return store::set_certificate(transaction, two, {}); });
    ASSERT_FALSE(shared);
    EXPECT_EQ(shared.error().code, ErrorCode::already_exists);
    const auto raced =
        write([&](sqlite::Transaction& transaction) { return store::set_certificate(transaction, one, {}); });
    ASSERT_FALSE(raced);
    EXPECT_EQ(raced.error().code, ErrorCode::conflict) << "another certificate came first";
}

}  // namespace
}  // namespace signet::api::mosip
