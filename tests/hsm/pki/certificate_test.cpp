#include "hsm/pki/certificate.h"

#include <algorithm>

#include "base/encoding.h"
#include "hsm/pki/csr.h"
#include "tests/hsm/pki/pki_fixture.h"

namespace signet::testing {
namespace {

using namespace std::chrono_literals;
using pki::Certificate;
using pki::CertificateProfile;
using pki::CertificateUsage;
using pki::GeneralNameKind;

class CertificateTest : public PkiTest {
  protected:
    static CertificateProfile device_profile() {
        CertificateProfile profile;
        profile.name = "device";
        profile.validity = 24h * 365;
        profile.extended_key_usage = {"clientAuth"};
        profile.subject = {{.attribute = "C"},
                           {.attribute = "O", .value = "Example"},
                           {.attribute = "CN", .required = true}};
        profile.any_subject = false;
        profile.crl_distribution_points = {"http://pki.example/ca.crl"};
        profile.ocsp_urls = {"http://pki.example/ocsp"};
        profile.ca_issuers_urls = {"http://pki.example/ca.cer"};
        profile.policies = {"1.3.6.1.4.1.99999.1"};
        return profile;
    }
    static pki::CertificateRequest request_for(const pki::Name& subject,
                                               std::vector<pki::GeneralName> names = {}) {
        auto csr = pki::parse_csr(golden("csr-p256.pem")).value();
        csr.subject = subject;
        csr.extensions.alternative_names = std::move(names);
        return csr;
    }
};

TEST_F(CertificateTest, RootsAndDevicesVerifyWithOpenssl) {
    for (const auto algorithm :
         {KeyAlgorithm::rsa_2048, KeyAlgorithm::ec_p256, KeyAlgorithm::ec_p384, KeyAlgorithm::ed25519}) {
        const std::string suffix(to_string(algorithm));
        const auto root_key = make_key("root." + suffix, algorithm, KeyUsage::certify);
        const auto root = make_root(root_key);
        const auto issuing_key = make_key("issuing." + suffix, algorithm, KeyUsage::certify);
        const auto issuing = pki::issue(
            root_key, root, pki::intermediate_ca_profile(),
            {pki::PublicKey::from_spki(issuing_key.public_key()).value(), name("CN=Issuing CA"), {}},
            at_now(), soon());
        ASSERT_TRUE(issuing) << explain(issuing);
        const auto csr = pki::parse_csr(golden("paycontrol-csr.b64")).value();
        auto profile = device_profile();
        profile.subject.push_back({.attribute = "ST"});
        profile.subject.push_back({.attribute = "L"});
        const auto applied = pki::apply_profile(profile, csr);
        ASSERT_TRUE(applied) << explain(applied);
        const auto device = pki::issue(issuing_key, *issuing, profile, *applied, at_now(), soon());
        ASSERT_TRUE(device) << explain(device);
        EXPECT_TRUE(device->signed_by(*issuing));
        EXPECT_FALSE(device->signed_by(root));

        write("root.pem", root.pem());
        write("issuing.pem", issuing->pem());
        write("device.pem", device->pem());
        const auto verified =
            openssl({"verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", path("root.pem"),
                     "-untrusted", path("issuing.pem"), path("device.pem")});
        EXPECT_EQ(verified.code, 0) << verified.output;
        const auto text = openssl({"x509", "-noout", "-text", "-in", path("device.pem")}).output;
        for (const char* expected :
             {"Subject: C = SG, O = Example, CN = Test User, ST = Singapore, L = Singapore", "CA:FALSE",
              "Digital Signature", "TLS Web Client Authentication", "URI:http://pki.example/ca.crl",
              "OCSP - URI:http://pki.example/ocsp", "CA Issuers - URI:http://pki.example/ca.cer",
              "Policy: 1.3.6.1.4.1.99999.1"}) {
            EXPECT_NE(text.find(expected), std::string::npos) << expected << "\n" << text;
        }
    }
}

TEST_F(CertificateTest, SignsWithEveryAlgorithmOfRsa) {
    const auto key = make_key("root", KeyAlgorithm::rsa_2048, KeyUsage::certify);
    for (const auto algorithm : {SignAlgorithm::rs256, SignAlgorithm::rs384, SignAlgorithm::rs512,
                                 SignAlgorithm::ps256, SignAlgorithm::ps384, SignAlgorithm::ps512}) {
        auto options = at_now();
        options.algorithm = algorithm;
        const auto root = pki::self_sign(key, pki::root_ca_profile(), name("CN=Root"), options, soon());
        ASSERT_TRUE(root) << explain(root);
        const auto verified =
            openssl({"verify", "-x509_strict", "-CAfile", write("root.pem", root->pem()), path("root.pem")});
        EXPECT_EQ(verified.code, 0) << to_string(algorithm) << ": " << verified.output;
    }
    auto options = at_now();
    options.algorithm = SignAlgorithm::es256;
    EXPECT_EQ(pki::self_sign(key, pki::root_ca_profile(), name("CN=Root"), options, soon()).error().code,
              ErrorCode::invalid_argument);
}

TEST_F(CertificateTest, FieldsAreReadBack) {
    const auto key = make_key("root", KeyAlgorithm::ec_p256, KeyUsage::certify);
    auto profile = pki::root_ca_profile();
    profile.path_length = 2;
    const auto root = make_root(key, "CN=Root,C=SG", profile);
    EXPECT_TRUE(root.is_ca());
    EXPECT_EQ(root.path_length(), 2);
    EXPECT_TRUE(root.self_issued());
    EXPECT_EQ(root.subject_text(), "CN=Root,C=SG");
    EXPECT_EQ(root.key_usage(), profile.key_usage);
    EXPECT_EQ(root.serial().size(), 32U);
    EXPECT_EQ(root.subject_key_identifier(), root.public_key().key_identifier());
    EXPECT_EQ(root.authority_key_identifier(), root.subject_key_identifier());
    EXPECT_EQ(Certificate::parse(root.pem()).value().der(), root.der());
    EXPECT_EQ(Certificate::parse(as_text(root.der())).value().fingerprint(), root.fingerprint());
    EXPECT_TRUE(pki::lint(root).empty());
    const auto shown = openssl({"x509", "-noout", "-serial", "-in", write("root.pem", root.pem())}).output;
    std::string upper = root.serial();
    std::ranges::transform(upper, upper.begin(), [](char c) {
        return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    });
    EXPECT_EQ(shown, "serial=" + upper + "\n");
}

TEST_F(CertificateTest, ValidityIsBackdatedAndBounded) {
    const auto key = make_key("root", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const auto now = std::chrono::floor<std::chrono::seconds>(SystemClock().now());
    auto root_profile = pki::root_ca_profile();
    root_profile.validity = 24h * 100;
    const auto root =
        pki::self_sign(key, root_profile, name("CN=Root"), {.now = now, .backdate = 24h}, soon()).value();
    const auto csr = request_for({{"CN", "x"}});
    const auto request = pki::apply_profile(device_profile(), csr).value();
    const auto issue = [&](pki::IssueOptions options) {
        return pki::issue(key, root, device_profile(), request, options, soon());
    };

    const auto usual = issue({.now = now}).value();
    EXPECT_EQ(usual.not_before(), now - 300s);
    EXPECT_EQ(usual.not_after(), root.not_after());  // the profile's 365 days end later
    EXPECT_EQ(issue({.now = now, .backdate = 48h}).value().not_before(), root.not_before());
    EXPECT_EQ(issue({.now = now, .validity = 1h}).value().not_after(), now + 1h);
    EXPECT_EQ(issue({.now = now, .not_after = now + 2h}).value().not_after(), now + 2h);
    EXPECT_EQ(issue({.now = now, .validity = 24h * 366}).error().code, ErrorCode::unprocessable);
    EXPECT_EQ(issue({.now = now, .validity = -1s}).error().code, ErrorCode::unprocessable);
    EXPECT_EQ(issue({.now = now, .not_after = now - 1s}).error().code, ErrorCode::unprocessable);
    EXPECT_EQ(issue({.now = now, .not_after = now + 24h * 366}).error().code, ErrorCode::unprocessable);
    EXPECT_EQ(issue({.now = now + 24h * 101}).error().code, ErrorCode::failed_precondition);
    EXPECT_EQ(issue({.now = now - 24h * 2}).error().code, ErrorCode::failed_precondition);
}

TEST_F(CertificateTest, SerialsAreRandomOrGiven) {
    const auto one = pki::random_serial(), other = pki::random_serial();
    EXPECT_EQ(one.size(), 16U);
    EXPECT_NE(one, other);
    const auto key = make_key("root", KeyAlgorithm::ec_p256, KeyUsage::certify);
    auto options = at_now();
    options.serial = Bytes(16, 0xff);  // a leading bit that DER must not read as a sign
    EXPECT_EQ(pki::self_sign(key, pki::root_ca_profile(), name("CN=Root"), options, soon()).value().serial(),
              std::string(32, 'f'));
    options.serial = Bytes(16, 0);
    EXPECT_FALSE(pki::self_sign(key, pki::root_ca_profile(), name("CN=Root"), options, soon()));
    options.serial = Bytes(8, 1);
    EXPECT_FALSE(pki::self_sign(key, pki::root_ca_profile(), name("CN=Root"), options, soon()));
}

TEST_F(CertificateTest, OnlyTheCaKeyOfTheCaIssues) {
    const auto key = make_key("root", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const auto other = make_key("other", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const auto document = make_key("document", KeyAlgorithm::ec_p256, KeyUsage::sign);
    const auto root = make_root(key);
    const auto request = pki::apply_profile(device_profile(), request_for({{"CN", "x"}})).value();
    EXPECT_EQ(pki::issue(other, root, device_profile(), request, at_now(), soon()).error().code,
              ErrorCode::failed_precondition);
    EXPECT_EQ(pki::self_sign(document, pki::root_ca_profile(), name("CN=x"), at_now(), soon()).error().code,
              ErrorCode::failed_precondition);
    const auto leaf = pki::issue(key, root, device_profile(),
                                 {pki::PublicKey::from_spki(other.public_key()).value(), name("CN=leaf"), {}},
                                 at_now(), soon())
                          .value();
    EXPECT_EQ(pki::issue(other, leaf, device_profile(), request, at_now(), soon()).error().code,
              ErrorCode::failed_precondition);
    // The CA's own key is not certified again.
    EXPECT_EQ(pki::issue(key, root, device_profile(), {root.public_key(), name("CN=x"), {}}, at_now(), soon())
                  .error()
                  .code,
              ErrorCode::unprocessable);
}

TEST_F(CertificateTest, PathLengthsAreKept) {
    const auto root_key = make_key("root", KeyAlgorithm::ec_p256, KeyUsage::certify);
    auto profile = pki::root_ca_profile();
    profile.path_length = 1;
    const auto root = make_root(root_key, "CN=Root", profile);
    const auto sub_key = make_key("sub", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const pki::IssueRequest request{
        pki::PublicKey::from_spki(sub_key.public_key()).value(), name("CN=Sub"), {}};
    EXPECT_EQ(pki::issue(root_key, root, profile, request, at_now(), soon()).error().code,
              ErrorCode::unprocessable);
    const auto sub =
        pki::issue(root_key, root, pki::intermediate_ca_profile(), request, at_now(), soon()).value();
    const pki::IssueRequest third{
        pki::PublicKey::from_spki(make_key("third", KeyAlgorithm::ec_p256, KeyUsage::certify).public_key())
            .value(),
        name("CN=Third"),
        {}};
    EXPECT_EQ(pki::issue(sub_key, sub, pki::intermediate_ca_profile(), third, at_now(), soon()).error().code,
              ErrorCode::unprocessable);
}

TEST_F(CertificateTest, TheTokensErrorsComeThrough) {
    const auto key = make_key("root", KeyAlgorithm::ec_p256, KeyUsage::certify);
    token.set_unavailable(true);
    EXPECT_EQ(pki::self_sign(key, pki::root_ca_profile(), name("CN=Root"), at_now(), soon()).error().code,
              ErrorCode::token_unavailable);
    token.set_unavailable(false);
    EXPECT_EQ(pki::self_sign(key, pki::root_ca_profile(), name("CN=Root"), at_now(), Deadline::in(-1ms))
                  .error()
                  .code,
              ErrorCode::deadline_exceeded);
}

TEST_F(CertificateTest, LintStopsBadCertificatesBeforeTheCaSigns) {
    const auto key = make_key("root", KeyAlgorithm::ec_p256, KeyUsage::certify);
    const auto root = make_root(key);
    const auto before = token.operations();
    auto profile = device_profile();
    profile.key_usage = bit(CertificateUsage::key_encipherment);  // for an EC key
    const auto refused = pki::issue(key, root, profile,
                                    pki::apply_profile(device_profile(), request_for({{"CN", "x"}})).value(),
                                    at_now(), soon());
    EXPECT_EQ(refused.error().code, ErrorCode::unprocessable);
    EXPECT_NE(refused.error().message.find("RFC 8813"), std::string::npos);
    EXPECT_EQ(token.operations(), before);
    const pki::IssueRequest country{
        pki::parse_csr(golden("csr-p256.pem")).value().public_key, {{"C", "sg"}, {"CN", "x"}}, {}};
    profile = device_profile();
    EXPECT_EQ(pki::issue(key, root, profile, country, at_now(), soon()).error().code,
              ErrorCode::unprocessable);
}

TEST_F(CertificateTest, RefusesMalformedOnes) {
    const auto ca = Certificate::parse(golden("ca.pem")).value();
    const auto leaf = Certificate::parse(golden("certificate-rsa.pem")).value();
    EXPECT_TRUE(leaf.signed_by(ca));
    const auto& der = leaf.der();
    for (std::size_t size = 0; size < der.size(); size += 7)
        EXPECT_FALSE(Certificate::parse(as_text(ByteView(der).first(size))));
    int survivors = 0;
    for (std::size_t i = 0; i < der.size(); ++i) {
        auto flipped = der;
        flipped[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
        const auto parsed = Certificate::parse(as_text(flipped));
        if (!parsed) continue;
        ++survivors;
        EXPECT_FALSE(parsed->signed_by(ca)) << "byte " << i;
    }
    EXPECT_GT(survivors, 0);
    EXPECT_FALSE(Certificate::parse(golden("ca.pem") + golden("ca.pem")));
    EXPECT_FALSE(Certificate::parse(golden("csr-rsa.pem")));
    EXPECT_EQ(Certificate::parse_bundle("# anchors\n" + golden("ca.pem") + golden("certificate-rsa.pem"))
                  .value()
                  .size(),
              2U);
    EXPECT_FALSE(Certificate::parse_bundle(golden("ca.pem") + golden("csr-rsa.pem")));
    EXPECT_FALSE(Certificate::parse_bundle("nothing"));
}

}  // namespace
}  // namespace signet::testing
