#include "hsm/pki/crl.h"

#include <array>
#include <cstdio>

#include "tests/hsm/pki/pki_fixture.h"

namespace signet::testing {
namespace {

using namespace std::chrono_literals;
using pki::Crl;
using pki::RevocationReason;

class CrlTest : public PkiTest {
  protected:
    static std::string serial(std::uint32_t number) {
        std::array<char, 40> text{};
        std::snprintf(text.data(), text.size(), "7f%022x%08x", 0, number);
        return text.data();
    }
    SystemTime now_ = std::chrono::floor<std::chrono::seconds>(SystemClock().now());
};

TEST_F(CrlTest, VerifiesWithOpenssl) {
    for (const auto algorithm :
         {KeyAlgorithm::rsa_2048, KeyAlgorithm::ec_p256, KeyAlgorithm::ec_p384, KeyAlgorithm::ed25519}) {
        const auto key = make_key("ca." + std::string(to_string(algorithm)), algorithm, KeyUsage::certify);
        const auto ca = make_root(key);
        const auto crl = pki::issue_crl(key, ca,
                                        {.number = 42,
                                         .this_update = now_,
                                         .next_update = now_ + 24h,
                                         .entries = {{serial(3), now_ - 1h, RevocationReason::key_compromise},
                                                     {serial(1), now_ - 2h, RevocationReason::unspecified},
                                                     {serial(2), now_ - 3h, RevocationReason::superseded}}},
                                        soon());
        ASSERT_TRUE(crl) << explain(crl);
        const auto checked = openssl({"crl", "-noout", "-text", "-verify", "-CAfile",
                                      write("ca.pem", ca.pem()), "-in", write("crl.pem", crl->pem())});
        EXPECT_EQ(checked.code, 0);
        for (const char* expected :
             {"verify OK", "Version 2", "X509v3 Authority Key Identifier",
              "X509v3 CRL Number: \n                42", "Key Compromise", "Superseded"}) {
            EXPECT_NE(checked.output.find(expected), std::string::npos) << expected << "\n" << checked.output;
        }
        // Sorted by serial, whatever the order they came in.
        const auto first = checked.output.find("00000001\n"), second = checked.output.find("00000002\n"),
                   third = checked.output.find("00000003\n");
        EXPECT_TRUE(first < second && second < third && third != std::string::npos) << checked.output;
        EXPECT_EQ(crl->number(), 42U);
        EXPECT_EQ(crl->size(), 3U);
        EXPECT_EQ(crl->this_update(), now_);
        EXPECT_EQ(crl->next_update(), now_ + 24h);
        EXPECT_EQ(crl->find(serial(3))->reason, RevocationReason::key_compromise);
        EXPECT_EQ(crl->find(serial(1))->reason, RevocationReason::unspecified);
        EXPECT_EQ(crl->find(serial(1))->revoked_at, now_ - 2h);
        EXPECT_FALSE(crl->find(serial(4)));
        EXPECT_TRUE(Crl::parse(as_text(crl->der())).value().signed_by(ca));
    }
}

TEST_F(CrlTest, HoldsAHundredThousand) {
    const auto key = make_key("ca", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const auto ca = make_root(key);
    pki::CrlRequest request{.number = 7, .this_update = now_, .next_update = now_ + 24h};
    for (std::uint32_t i = 0; i < 100'000; ++i)
        request.entries.push_back(
            {serial(i * 2654435761U), now_,
             i % 2 == 0 ? RevocationReason::superseded : RevocationReason::unspecified});
    const auto crl = pki::issue_crl(key, ca, request, soon());
    ASSERT_TRUE(crl) << explain(crl);
    EXPECT_EQ(crl->size(), 100'000U);
    EXPECT_TRUE(crl->find(serial(99'999U * 2654435761U)));
    EXPECT_TRUE(crl->signed_by(ca));
}

TEST_F(CrlTest, EmptyOnesAreFine) {
    const auto key = make_key("ca", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const auto ca = make_root(key);
    const auto crl =
        pki::issue_crl(key, ca, {.number = 1, .this_update = now_, .next_update = now_ + 1h}, soon());
    ASSERT_TRUE(crl) << explain(crl);
    EXPECT_EQ(crl->size(), 0U);
    EXPECT_FALSE(crl->find(serial(1)));
}

TEST_F(CrlTest, RefusesWrongRequests) {
    const auto key = make_key("ca", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const auto ca = make_root(key);
    const auto issue = [&](pki::CrlRequest request) {
        return pki::issue_crl(key, ca, request, soon()).error().code;
    };
    EXPECT_EQ(issue({.number = 1, .this_update = now_, .next_update = now_}), ErrorCode::invalid_argument);
    EXPECT_EQ(issue({.number = 1,
                     .this_update = now_,
                     .next_update = now_ + 1h,
                     .entries = {{serial(1), now_, {}}, {serial(1), now_, {}}}}),
              ErrorCode::invalid_argument);
    EXPECT_EQ(
        issue({.number = 1, .this_update = now_, .next_update = now_ + 1h, .entries = {{"xyz", now_, {}}}}),
        ErrorCode::invalid_argument);
    EXPECT_EQ(issue({.number = 1,
                     .this_update = now_,
                     .next_update = now_ + 1h,
                     .entries = {{serial(1), now_, RevocationReason::remove_from_crl}}}),
              ErrorCode::invalid_argument);
    const auto other = make_key("other", KeyAlgorithm::ec_p256, KeyUsage::certify);
    EXPECT_EQ(pki::issue_crl(other, ca, {.number = 1, .this_update = now_, .next_update = now_ + 1h}, soon())
                  .error()
                  .code,
              ErrorCode::failed_precondition);
    token.set_unavailable(true);
    EXPECT_EQ(issue({.number = 1, .this_update = now_, .next_update = now_ + 1h}),
              ErrorCode::token_unavailable);
}

TEST_F(CrlTest, ForgedOnesDoNotVerify) {
    const auto key = make_key("ca", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const auto ca = make_root(key);
    const auto der =
        pki::issue_crl(
            key, ca,
            {.number = 1, .this_update = now_, .next_update = now_ + 1h, .entries = {{serial(1), now_, {}}}},
            soon())
            .value()
            .der();
    for (std::size_t i = 0; i < der.size(); ++i) {
        auto flipped = der;
        flipped[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
        const auto parsed = Crl::parse(as_text(flipped));
        EXPECT_FALSE(parsed && parsed->signed_by(ca)) << i;
    }
    EXPECT_FALSE(Crl::parse(""));
    EXPECT_FALSE(Crl::parse(golden("ca.pem")));
}

TEST(RevocationReasons, HaveNames) {
    for (int value = 0; value <= 10; ++value) {
        if (value == 7) continue;
        const auto reason = static_cast<RevocationReason>(value);
        EXPECT_EQ(pki::revocation_reason_from(pki::to_string(reason)), reason);
    }
    EXPECT_FALSE(pki::revocation_reason_from("other"));
}

}  // namespace
}  // namespace signet::testing
