#include "hsm/pki/ocsp.h"

#include "tests/hsm/pki/pki_fixture.h"

namespace signet::testing {
namespace {

using namespace std::chrono_literals;
using pki::Certificate;
using pki::OcspCertificateStatus;
using pki::parse_ocsp_request;

class OcspTest : public PkiTest {
  protected:
    void SetUp() override {
        PkiTest::SetUp();
        ca_key_ =
            std::make_unique<provider::TokenKey>(make_key("ca", KeyAlgorithm::ec_p256, KeyUsage::certify));
        ca_.push_back(make_root(*ca_key_));
        leaf_.push_back(issue("leaf", KeyUsage::tls, pki::document_signing_profile()));
        write("ca.pem", ca_[0].pem());
        write("leaf.pem", leaf_[0].pem());
    }
    Certificate issue(const std::string& label, KeyUsage usage, const pki::CertificateProfile& profile) {
        const auto key = make_key(label, KeyAlgorithm::ec_p256, usage);
        return pki::issue(*ca_key_, ca_[0], profile,
                          {pki::PublicKey::from_spki(key.public_key()).value(), name("CN=" + label), {}},
                          at_now(), soon())
            .value();
    }
    static pki::OcspAnswer answer(std::vector<pki::OcspStatus> statuses) {
        const auto now = std::chrono::floor<std::chrono::seconds>(SystemClock().now());
        return {.statuses = std::move(statuses),
                .produced_at = now,
                .this_update = now - 60s,
                .next_update = now + 1h};
    }
    // What `openssl ocsp` says to an answer; it compares the nonces. -no_nonce keeps it from replacing the request's.
    Ended check(ByteView request, ByteView response) {
        return openssl({"ocsp", "-no_nonce", "-CAfile", path("ca.pem"), "-issuer", path("ca.pem"), "-cert",
                        path("leaf.pem"), "-reqin", write("request", request), "-respin",
                        write("response", response)});
    }

    std::unique_ptr<provider::TokenKey> ca_key_;
    std::vector<Certificate> ca_, leaf_;
};

TEST_F(OcspTest, AnswersWithTheCaKey) {
    const auto made = openssl(
        {"ocsp", "-issuer", path("ca.pem"), "-cert", path("leaf.pem"), "-reqout", path("request.der")});
    ASSERT_EQ(made.code, 0) << made.output;
    const auto der = to_bytes(read_file(path("request.der")).value());
    const auto request = parse_ocsp_request(der);
    ASSERT_TRUE(request) << explain(request);
    ASSERT_EQ(request->certificates.size(), 1U);
    EXPECT_EQ(request->certificates[0].serial, leaf_[0].serial());
    EXPECT_TRUE(request->certificates[0].issued_by(ca_[0]));
    EXPECT_FALSE(request->certificates[0].issued_by(leaf_[0]));
    EXPECT_TRUE(request->nonce);
    struct Case {
        pki::OcspStatus status;
        const char* expected;
    };
    const auto now = SystemClock().now();
    for (const auto& [status, expected] :
         {Case{{.status = OcspCertificateStatus::good}, ": good"},
          Case{{.status = OcspCertificateStatus::unknown}, ": unknown"},
          Case{{.status = OcspCertificateStatus::revoked,
                .revoked_at = now - 1h,
                .reason = pki::RevocationReason::key_compromise},
               "Reason: keyCompromise"},
          Case{{.status = OcspCertificateStatus::revoked, .revoked_at = now - 1h}, ": revoked"}}) {
        const auto response =
            pki::sign_ocsp_answer({*ca_key_, ca_[0], ca_[0]}, *request, answer({status}), soon());
        ASSERT_TRUE(response) << explain(response);
        const auto checked = check(der, *response);
        EXPECT_NE(checked.output.find("Response verify OK"), std::string::npos) << checked.output;
        EXPECT_NE(checked.output.find(expected), std::string::npos) << checked.output;
        EXPECT_EQ(checked.output.find("nonce"), std::string::npos) << checked.output;  // no warning about it
    }
}

TEST_F(OcspTest, AnswersWithADelegatedKey) {
    const auto key_info = token.make("responder", KeyAlgorithm::ec_p384, KeyUsage::certify);
    const auto key = library().load(key_info, KeyUsage::certify).value();
    const auto responder = pki::issue(
        *ca_key_, ca_[0], pki::ocsp_responder_profile(),
        {pki::PublicKey::from_spki(key.public_key()).value(), name("CN=responder"), {}}, at_now(), soon());
    ASSERT_TRUE(responder) << explain(responder);
    EXPECT_TRUE(responder->ocsp_no_check());
    const auto der = pki::make_ocsp_request(leaf_[0], ca_[0], Bytes(16, 1)).value();
    const auto request = parse_ocsp_request(der).value();
    EXPECT_EQ(request.nonce, Bytes(16, 1));
    const auto response = pki::sign_ocsp_answer({key, *responder, ca_[0]}, request,
                                                answer({{.status = OcspCertificateStatus::good}}), soon());
    ASSERT_TRUE(response) << explain(response);
    const auto checked = check(der, *response);
    EXPECT_NE(checked.output.find("Response verify OK"), std::string::npos) << checked.output;
    EXPECT_NE(checked.output.find(": good"), std::string::npos) << checked.output;

    // Not just any certificate of the CA's may answer, nor one of another CA.
    const auto leaf_key = make_key("plain", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const auto plain =
        pki::issue(*ca_key_, ca_[0], pki::document_signing_profile(),
                   {pki::PublicKey::from_spki(leaf_key.public_key()).value(), name("CN=plain"), {}}, at_now(),
                   soon())
            .value();
    EXPECT_EQ(pki::sign_ocsp_answer({leaf_key, plain, ca_[0]}, request, answer({{}}), soon()).error().code,
              ErrorCode::failed_precondition);
    const auto other_key = make_key("other.ca", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const auto other = make_root(other_key, "CN=Other");
    EXPECT_EQ(pki::sign_ocsp_answer({key, *responder, other}, request, answer({{}}), soon()).error().code,
              ErrorCode::failed_precondition);
    auto late = answer({{}});
    late.produced_at += 24h * 365;
    EXPECT_EQ(pki::sign_ocsp_answer({key, *responder, ca_[0]}, request, late, soon()).error().code,
              ErrorCode::failed_precondition);
}

TEST_F(OcspTest, AnswersSeveralAtOnceButForItsCaAlone) {
    const auto golden_request = parse_ocsp_request(as_bytes(golden("ocsp-two.der")));
    ASSERT_TRUE(golden_request) << explain(golden_request);
    ASSERT_EQ(golden_request->certificates.size(), 2U);
    EXPECT_FALSE(golden_request->nonce);
    const auto golden_ca = Certificate::parse(golden("ca.pem")).value();
    EXPECT_EQ(golden_request->certificates[0].hash, HashAlgorithm::sha256);
    EXPECT_TRUE(golden_request->certificates[0].issued_by(golden_ca));
    EXPECT_EQ(golden_request->certificates[0].serial,
              Certificate::parse(golden("certificate-rsa.pem")).value().serial());
    const auto sign = [&](std::vector<pki::OcspStatus> statuses) {
        return pki::sign_ocsp_answer({*ca_key_, ca_[0], ca_[0]}, *golden_request, answer(std::move(statuses)),
                                     soon());
    };
    EXPECT_TRUE(sign({{}, {}}));
    EXPECT_FALSE(sign({{}}));
    EXPECT_FALSE(sign({{}, {.status = OcspCertificateStatus::good}}));  // another CA's certificate
}

TEST(OcspRequest, ReadsTheGoldenOne) {
    const auto request = parse_ocsp_request(as_bytes(golden("ocsp-one.der")));
    ASSERT_TRUE(request) << explain(request);
    EXPECT_EQ(request->certificates[0].hash, HashAlgorithm::sha1);
    EXPECT_EQ(request->nonce->size(), 16U);
}

TEST(OcspRequest, RefusesMalformedOnes) {
    const auto der = to_bytes(golden("ocsp-one.der"));
    for (std::size_t size = 0; size < der.size(); ++size)
        EXPECT_FALSE(parse_ocsp_request(ByteView(der).first(size))) << size;
    auto trailing = der;
    trailing.push_back(0);
    EXPECT_FALSE(parse_ocsp_request(trailing));
    EXPECT_EQ(parse_ocsp_request(Bytes(17 * 1024, 0x30)).error().code, ErrorCode::too_large);
    EXPECT_FALSE(parse_ocsp_request(Bytes{0x30, 0x04, 0x30, 0x02, 0x30, 0x00}));  // asks for nothing
    for (std::size_t i = 0; i < der.size(); ++i) {
        auto flipped = der;
        flipped[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
        (void)parse_ocsp_request(flipped);  // whatever comes out, no crash and no leak
    }
}

TEST(OcspErrors, AreThoseOfTheRfc) {
    EXPECT_EQ(pki::ocsp_error(pki::OcspError::malformed_request), (Bytes{0x30, 0x03, 0x0a, 0x01, 0x01}));
    EXPECT_EQ(pki::ocsp_error(pki::OcspError::unauthorized), (Bytes{0x30, 0x03, 0x0a, 0x01, 0x06}));
}

}  // namespace
}  // namespace signet::testing
