#include "hsm/pki/chain.h"

#include "tests/hsm/pki/pki_fixture.h"

namespace signet::testing {
namespace {

using namespace std::chrono_literals;
using pki::Certificate;
using pki::ChainPurpose;
using pki::verify_chain;

class ChainTest : public PkiTest {
  protected:
    void SetUp() override {
        PkiTest::SetUp();
        root_key_ =
            std::make_unique<provider::TokenKey>(make_key("root", KeyAlgorithm::ec_p256, KeyUsage::certify));
        sub_key_ =
            std::make_unique<provider::TokenKey>(make_key("sub", KeyAlgorithm::ec_p256, KeyUsage::certify));
        root_.push_back(make_root(*root_key_));
        sub_.push_back(pki::issue(*root_key_, root_[0], pki::intermediate_ca_profile(),
                                  {key_of(*sub_key_), name("CN=Sub"), {}}, at_now(), soon())
                           .value());
        auto profile = pki::tls_server_profile();
        leaf_.push_back(pki::issue(*sub_key_, sub_[0], profile,
                                   {key_of(make_key("leaf", KeyAlgorithm::ec_p256, KeyUsage::tls)),
                                    name("CN=leaf"),
                                    {{pki::GeneralNameKind::dns, "leaf.example"}}},
                                   at_now(), soon())
                            .value());
    }
    static pki::PublicKey key_of(const provider::TokenKey& key) {
        return pki::PublicKey::from_spki(key.public_key()).value();
    }
    static pki::ChainOptions now() { return {.now = SystemClock().now()}; }

    std::unique_ptr<provider::TokenKey> root_key_, sub_key_;
    std::vector<Certificate> root_, sub_, leaf_;
};

TEST_F(ChainTest, FindsThePath) {
    const auto path = verify_chain(leaf_[0], sub_, root_, now());
    ASSERT_TRUE(path) << explain(path);
    ASSERT_EQ(path->size(), 3U);
    EXPECT_EQ((*path)[1].der(), sub_[0].der());
    EXPECT_EQ((*path)[2].der(), root_[0].der());
    // An intermediate may be the anchor.
    EXPECT_EQ(verify_chain(leaf_[0], {}, sub_, now()).value().size(), 2U);
    EXPECT_TRUE(verify_chain(leaf_[0], sub_, root_,
                             {.now = SystemClock().now(), .purpose = ChainPurpose::tls_server}));
}

TEST_F(ChainTest, RefusesOtherPaths) {
    EXPECT_EQ(verify_chain(leaf_[0], {}, root_, now()).error().code, ErrorCode::unprocessable);
    EXPECT_EQ(verify_chain(leaf_[0], sub_, {}, now()).error().code, ErrorCode::failed_precondition);
    EXPECT_EQ(verify_chain(leaf_[0], sub_, leaf_, now()).value().size(), 1U);  // pinned itself
    const auto other = make_root(make_key("other", KeyAlgorithm::ec_p256, KeyUsage::certify));
    EXPECT_FALSE(verify_chain(leaf_[0], sub_, {other}, now()));
    auto late = now();
    late.now += 24h * 10000;
    const auto expired = verify_chain(leaf_[0], sub_, root_, late);
    ASSERT_FALSE(expired);
    EXPECT_NE(expired.error().message.find("expired"), std::string::npos) << expired.error().message;
    auto early = now();
    early.now -= 24h;
    EXPECT_FALSE(verify_chain(leaf_[0], sub_, root_, early));
    for (const auto purpose :
         {ChainPurpose::tls_client, ChainPurpose::document_signing, ChainPurpose::ocsp_signing})
        EXPECT_FALSE(verify_chain(leaf_[0], sub_, root_, {.now = SystemClock().now(), .purpose = purpose}));
    EXPECT_FALSE(verify_chain(leaf_[0], sub_, root_, {.now = SystemClock().now(), .max_depth = 0}));
}

TEST_F(ChainTest, ConsultsCrls) {
    const auto at = SystemClock().now();
    const auto crl = [&](const provider::TokenKey& key, const Certificate& ca,
                         std::vector<pki::RevokedCertificate> entries) {
        return pki::issue_crl(key, ca,
                              {.number = 1,
                               .this_update = at - 60s,
                               .next_update = at + 1h,
                               .entries = std::move(entries)},
                              soon())
            .value();
    };
    auto options = now();
    options.crls = {crl(*root_key_, root_[0], {}), crl(*sub_key_, sub_[0], {})};
    EXPECT_TRUE(verify_chain(leaf_[0], sub_, root_, options))
        << explain(verify_chain(leaf_[0], sub_, root_, options));
    options.crls = {crl(*root_key_, root_[0], {})};
    EXPECT_FALSE(verify_chain(leaf_[0], sub_, root_, options));  // none for the sub CA
    options.crls = {
        crl(*root_key_, root_[0], {}),
        crl(*sub_key_, sub_[0], {{leaf_[0].serial(), at - 30s, pki::RevocationReason::key_compromise}})};
    const auto revoked = verify_chain(leaf_[0], sub_, root_, options);
    ASSERT_FALSE(revoked);
    EXPECT_NE(revoked.error().message.find("revoked"), std::string::npos);
    options.crls = {
        crl(*root_key_, root_[0], {{sub_[0].serial(), at - 30s, pki::RevocationReason::unspecified}}),
        crl(*sub_key_, sub_[0], {})};
    EXPECT_FALSE(verify_chain(leaf_[0], sub_, root_, options));
}

}  // namespace
}  // namespace signet::testing
