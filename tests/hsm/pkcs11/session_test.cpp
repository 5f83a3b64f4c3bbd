#include "hsm/pkcs11/session.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "hsm/pkcs11/session_pool.h"
#include "tests/support/fake_module.h"

namespace signet::pkcs11 {
namespace {

using testing::FakeModule;

class SessionTest : public ::testing::Test {
  protected:
    FakeModule fake;
    std::unique_ptr<Module> module = Module::adopt(fake.functions(), "fake").value();
};

TEST_F(SessionTest, ReadsShortLongAndAbsentAttributes) {
    auto session = Session::open(*module, 7, Access::read_only).value();
    const auto object =
        fake.add({{CKA_LABEL, to_bytes("label")}, {CKA_VALUE, Bytes(5000, 0x42)}, {CKA_SENSITIVE, Bytes{1}}});
    const auto read = session.read(object, {CKA_LABEL, CKA_VALUE, CKA_ID, CKA_SENSITIVE});
    ASSERT_TRUE(read) << ckr_name(read.error().rv);
    EXPECT_EQ(read->text(CKA_LABEL), "label");
    EXPECT_EQ(to_bytes(read->bytes(CKA_VALUE)), Bytes(5000, 0x42));
    EXPECT_FALSE(read->has(CKA_ID));
    EXPECT_TRUE(read->bytes(CKA_ID).empty());
    EXPECT_TRUE(read->flag(CKA_SENSITIVE));
    EXPECT_FALSE(read->number(CKA_LABEL)) << "a value of another size is no number";
    EXPECT_EQ(session.read(999, {CKA_LABEL}).error().rv, CKR_OBJECT_HANDLE_INVALID);
}

TEST_F(SessionTest, FindsManyAndEndsTheSearchAlsoWhenItFails) {
    auto session = Session::open(*module, 7, Access::read_only).value();
    Template all;
    all.text(CKA_LABEL, "many");
    for (int i = 0; i < 600; ++i)
        fake.add({{CKA_LABEL, to_bytes("many")}});
    EXPECT_EQ(session.find(all)->size(), 600U);
    EXPECT_EQ(session.find(all, 10)->size(), 10U);
    fake.answer("C_FindObjects", CKR_DEVICE_ERROR);
    EXPECT_EQ(session.find(all).error().rv, CKR_DEVICE_ERROR);
    EXPECT_EQ(session.find(all)->size(), 600U) << "the failed search must not stay open";
}

TEST_F(SessionTest, BuildsTemplatesAsTheStandardEncodesThem) {
    Template inner;
    inner.flag(CKA_TOKEN, false);
    Template out;
    out.flag(CKA_PRIVATE, true)
        .number(CKA_CLASS, CKO_SECRET_KEY)
        .mechanisms(CKA_ALLOWED_MECHANISMS, {CKM_ECDSA, CKM_EDDSA});
    out.nested(CKA_UNWRAP_TEMPLATE, std::move(inner));
    const auto& attributes = out.attributes();
    ASSERT_EQ(attributes.size(), 4U);
    EXPECT_EQ(attributes[0].ulValueLen, sizeof(CK_BBOOL));
    EXPECT_EQ(*static_cast<CK_ULONG*>(attributes[1].pValue), CKO_SECRET_KEY);
    EXPECT_EQ(attributes[2].ulValueLen, 2 * sizeof(CK_MECHANISM_TYPE));
    EXPECT_EQ(attributes[3].ulValueLen, sizeof(CK_ATTRIBUTE));
    EXPECT_EQ(static_cast<CK_ATTRIBUTE*>(attributes[3].pValue)->type, CKA_TOKEN);
    out.remove(CKA_CLASS);
    EXPECT_EQ(out.attributes().size(), 3U);
}

TEST_F(SessionTest, PoolKeepsASessionWarmForItsThread) {
    SessionPool pool(*module, 7);
    CK_SESSION_HANDLE first = 0;
    for (int i = 0; i < 5; ++i) {
        auto lease = pool.lease();
        ASSERT_TRUE(lease);
        if (i == 0) first = (*lease)->handle();
        EXPECT_EQ((*lease)->handle(), first);
    }
    EXPECT_EQ(fake.calls("C_OpenSession"), 1);
    EXPECT_EQ(pool.open_sessions(), 1U);
}

TEST_F(SessionTest, PoolClosesWhatIsDiscarded) {
    SessionPool pool(*module, 7);
    {
        auto lease = pool.lease();
        ASSERT_TRUE(lease);
        lease->discard();
    }
    EXPECT_EQ(fake.open_sessions(), 0U);
    EXPECT_EQ(pool.open_sessions(), 0U);
    EXPECT_TRUE(pool.lease());
    EXPECT_EQ(fake.calls("C_OpenSession"), 2);
}

TEST_F(SessionTest, PoolGivesEachLeaseItsOwnSessionAlsoBeyondItsPlaces) {
    SessionPool pool(*module, 7);
    {
        std::vector<SessionPool::Lease> leases;
        std::set<CK_SESSION_HANDLE> handles;
        for (int i = 0; i < 40; ++i) {
            auto lease = pool.lease();
            ASSERT_TRUE(lease);
            handles.insert((*lease)->handle());
            leases.push_back(std::move(*lease));
        }
        EXPECT_EQ(handles.size(), 40U);
        EXPECT_EQ(pool.open_sessions(), 40U);
    }
    EXPECT_EQ(pool.open_sessions(), 32U);
    EXPECT_EQ(fake.open_sessions(), 32U);
}

TEST_F(SessionTest, PoolReportsATokenWithoutSessionsAndRecovers) {
    SessionPool pool(*module, 7);
    fake.answer("C_OpenSession", CKR_SESSION_COUNT);
    EXPECT_EQ(pool.lease().error().rv, CKR_SESSION_COUNT);
    EXPECT_TRUE(pool.lease());
}

TEST_F(SessionTest, PoolServesManyThreads) {
    SessionPool pool(*module, 7);
    std::atomic<int> failures = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&] {
                for (int k = 0; k < 500; ++k) {
                    auto lease = pool.lease();
                    Bytes out(8);
                    if (!lease || !(*lease)->random(out)) ++failures;
                    if (k % 50 == 0 && lease) lease->discard();
                }
            });
        }
    }
    EXPECT_EQ(failures, 0);
    EXPECT_LE(pool.open_sessions(), 8U);
}

}  // namespace
}  // namespace signet::pkcs11
