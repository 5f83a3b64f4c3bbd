#include "sqlite/certificate_store.h"

#include "sqlite/crl_store.h"
#include "tests/sqlite/database_fixture.h"

namespace signet::sqlite {
namespace {

class CertificateStoreTest : public DatabaseTest {
  protected:
    static Serial serial(std::uint8_t number) {
        Serial value{};
        value[0] = 0x7F;
        value[15] = number;
        return value;
    }
    StoredCertificate certificate(std::uint8_t number) const {
        return {.ca = "device.ca",
                .ca_version = 1,
                .serial = serial(number),
                .subject = "CN=Device-" + std::to_string(number),
                .not_before = clock.now(),
                .not_after = clock.now() + std::chrono::hours(number),
                .issued = clock.now(),
                .der = {0x30, number},
                .profile = number % 2 == 0 ? "device" : "server",
                .requester = "batch"};
    }
    Status insert(const StoredCertificate& one) {
        return writer->run(
            [&](Transaction& transaction) { return certificate_store::insert(transaction, one); });
    }
    Status revoke(std::uint8_t number, RevocationReason reason) {
        return writer->run([&](Transaction& transaction) {
            return certificate_store::revoke(transaction, "device.ca", serial(number), {clock.now(), reason});
        });
    }
    Status release(std::uint8_t number) {
        return writer->run([&](Transaction& transaction) {
            return certificate_store::release(transaction, "device.ca", serial(number));
        });
    }
    std::unique_ptr<Writer> writer = start();
    Connection db = read_only();
};

TEST_F(CertificateStoreTest, KeepsWhatWasIssued) {
    must(insert(certificate(1)));
    EXPECT_EQ(must(certificate_store::find(db, "device.ca", serial(1))), certificate(1));
    EXPECT_FALSE(must(certificate_store::find(db, "device.ca", serial(2))));
    EXPECT_FALSE(must(certificate_store::find(db, "other.ca", serial(1))));
    EXPECT_EQ(must(certificate_store::count(db, "device.ca")), 1U);
}

TEST_F(CertificateStoreTest, ASerialIsUniqueForItsCa) {
    must(insert(certificate(1)));
    auto twin = certificate(1);
    twin.ca_version = 2;
    EXPECT_EQ(insert(twin).error().code, ErrorCode::already_exists);
    twin.ca = "other.ca";
    EXPECT_TRUE(insert(twin));
}

TEST_F(CertificateStoreTest, Pages) {
    for (std::uint8_t i = 1; i <= 25; ++i)
        must(insert(certificate(i)));
    std::int64_t after = 0;
    std::vector<std::size_t> sizes;
    for (bool more = true; more;) {
        const auto page = must(certificate_store::list(db, "device.ca", {}, after, 10));
        sizes.push_back(page.certificates.size());
        after = page.next_after;
        more = page.more;
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{10, 10, 5}));
    EXPECT_TRUE(must(certificate_store::list(db, "device.ca", {}, after, 10)).certificates.empty());
}

TEST_F(CertificateStoreTest, Filters) {
    for (std::uint8_t i = 1; i <= 25; ++i)
        must(insert(certificate(i)));
    must(revoke(4, RevocationReason::superseded));
    const auto count = [&](const CertificateFilter& filter) {
        return must(certificate_store::list(db, "device.ca", filter, 0, 100)).certificates.size();
    };
    EXPECT_EQ(count({.subject = "device-2"}), 7U);  // 2 and 20 to 25
    EXPECT_EQ(count({.subject = "%"}), 0U);
    EXPECT_EQ(count({.profile = "device"}), 12U);
    EXPECT_EQ(count({.requester = "nobody"}), 0U);
    EXPECT_EQ(count({.revoked = true}), 1U);
    EXPECT_EQ(count({.revoked = false}), 24U);
    EXPECT_EQ(count({.expires_before = clock.now() + std::chrono::hours(5)}), 4U);
}

TEST_F(CertificateStoreTest, Revokes) {
    for (std::uint8_t i = 1; i <= 5; ++i)
        must(insert(certificate(i)));
    must(revoke(3, RevocationReason::key_compromise));
    must(revoke(1, RevocationReason::certificate_hold));
    EXPECT_EQ(revoke(3, RevocationReason::superseded).error().code, ErrorCode::conflict);
    EXPECT_EQ(revoke(9, RevocationReason::superseded).error().code, ErrorCode::not_found);
    EXPECT_EQ(revoke(1, RevocationReason::certificate_hold).error().code, ErrorCode::conflict);
    EXPECT_EQ(must(certificate_store::find(db, "device.ca", serial(3)))->revocation,
              (Revocation{clock.now(), RevocationReason::key_compromise}));

    const auto listed = must(certificate_store::revoked(db, "device.ca", 1, clock.now()));
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0].serial, serial(1));
    EXPECT_EQ(listed[1].revocation.reason, RevocationReason::key_compromise);
    EXPECT_EQ(
        must(certificate_store::revoked(db, "device.ca", 1, clock.now() + std::chrono::hours(2))).size(), 1U)
        << "the first one expired";
    EXPECT_TRUE(must(certificate_store::revoked(db, "device.ca", 2, clock.now())).empty());

    must(release(1));
    EXPECT_EQ(release(1).error().code, ErrorCode::conflict);
    EXPECT_EQ(release(3).error().code, ErrorCode::conflict) << "not a hold";
    must(revoke(1, RevocationReason::certificate_hold));
    must(revoke(1, RevocationReason::superseded));
}

TEST_F(CertificateStoreTest, Reasons) {
    EXPECT_EQ(revocation_reason_from(1), RevocationReason::key_compromise);
    EXPECT_FALSE(revocation_reason_from(7));
    EXPECT_FALSE(revocation_reason_from(11));
}

TEST_F(CertificateStoreTest, Crls) {
    std::uint64_t number = 0;
    const auto take = [&] {
        must(writer->run([&](Transaction& transaction) -> Status {
            SIGNET_ASSIGN(number, crl_store::take_number(transaction, "device.ca"));
            return {};
        }));
    };
    take();
    EXPECT_EQ(number, 1U);
    take();
    EXPECT_EQ(number, 2U);
    EXPECT_FALSE(must(crl_store::latest(db, "device.ca", 1)));
    StoredCrl crl{.ca = "device.ca",
                  .ca_version = 1,
                  .number = 2,
                  .der = {0x30},
                  .this_update = clock.now(),
                  .next_update = clock.now() + std::chrono::hours(1)};
    const auto insert_crl = [&] {
        return writer->run([&](Transaction& transaction) { return crl_store::insert(transaction, crl); });
    };
    must(insert_crl());
    EXPECT_EQ(insert_crl().error().code, ErrorCode::already_exists);
    crl.number = 3;
    must(insert_crl());
    EXPECT_EQ(must(crl_store::latest(db, "device.ca", 1)), crl);
}

}  // namespace
}  // namespace signet::sqlite
