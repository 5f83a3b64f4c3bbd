#include "hsm/pki/cms.h"

#include "base/encoding.h"
#include "hsm/pki/signature.h"
#include "tests/hsm/pki/pki_fixture.h"

namespace signet::testing {
namespace {

using namespace std::chrono_literals;
using pki::Certificate;
using pki::verify_cms;

class CmsTest : public PkiTest {
  protected:
    void SetUp() override {
        PkiTest::SetUp();
        ca_key_ =
            std::make_unique<provider::TokenKey>(make_key("ca", KeyAlgorithm::ec_p256, KeyUsage::certify));
        ca_.push_back(make_root(*ca_key_));
        write("ca.pem", ca_[0].pem());
        write("content", content_);
    }
    Certificate certify(const provider::TokenKey& key) {
        return pki::issue(*ca_key_, ca_[0], pki::document_signing_profile(),
                          {pki::PublicKey::from_spki(key.public_key()).value(), name("CN=Signer"), {}},
                          at_now(), soon())
            .value();
    }

    const std::string content_ = "binary\0content\r\n";
    std::unique_ptr<provider::TokenKey> ca_key_;
    std::vector<Certificate> ca_;
};

TEST_F(CmsTest, VerifiesWithOpenssl) {
    struct Case {
        KeyAlgorithm key;
        SignAlgorithm algorithm;
    };
    for (const auto& [key_algorithm, algorithm] : {Case{KeyAlgorithm::rsa_2048, SignAlgorithm::rs256},
                                                   Case{KeyAlgorithm::rsa_2048, SignAlgorithm::rs512},
                                                   Case{KeyAlgorithm::rsa_2048, SignAlgorithm::ps256},
                                                   Case{KeyAlgorithm::ec_p256, SignAlgorithm::es256},
                                                   Case{KeyAlgorithm::ec_p384, SignAlgorithm::es384},
                                                   Case{KeyAlgorithm::ed25519, SignAlgorithm::eddsa}}) {
        const auto label = "signer.a" + std::to_string(static_cast<int>(algorithm));
        const auto key = make_key(label, key_algorithm, KeyUsage::sign);
        const auto signer = certify(key);
        const auto now = std::chrono::floor<std::chrono::seconds>(SystemClock().now());
        const auto cms = pki::sign_cms(key, signer, as_bytes(content_),
                                       {.algorithm = algorithm, .signing_time = now, .chain = ca_}, soon());
        ASSERT_TRUE(cms) << explain(cms);
        const auto verified = verify_cms(as_text(*cms), as_bytes(content_));
        ASSERT_TRUE(verified) << to_string(algorithm) << ": " << explain(verified);
        EXPECT_EQ(verified->signer.der(), signer.der());
        EXPECT_EQ(verified->certificates.size(), 2U);
        EXPECT_EQ(verified->signing_time, now);
        EXPECT_TRUE(verify_cms(pki::cms_to_pem(*cms), as_bytes(content_)));
        EXPECT_EQ(verify_cms(as_text(*cms), as_bytes("other")).error().code, ErrorCode::unprocessable);
        // OpenSSL 3.0's cms command does not do Ed25519.
        if (algorithm == SignAlgorithm::eddsa) continue;
        const auto checked = openssl({"cms", "-verify", "-binary", "-inform", "DER", "-in",
                                      write("cms.der", *cms), "-content", path("content"), "-CAfile",
                                      path("ca.pem"), "-purpose", "any", "-out", "/dev/null", "-cades"});
        EXPECT_EQ(checked.code, 0) << to_string(algorithm) << ": " << checked.output;
    }
}

TEST(Cms, VerifiesWhatOpensslSigned) {
    const auto message = golden("message.txt");
    for (const char* file : {"cms-rsa.der", "cms-p256.der", "cms-pss.pem"}) {
        const auto verified = verify_cms(golden(file), as_bytes(message));
        ASSERT_TRUE(verified) << file << ": " << explain(verified);
        EXPECT_TRUE(verified->signing_time);
        EXPECT_EQ(verify_cms(golden(file), as_bytes(message + "x")).error().code, ErrorCode::unprocessable);
    }
    EXPECT_EQ(verify_cms(golden("refused-cms-attached.der"), as_bytes(message)).error().code,
              ErrorCode::invalid_argument);
    EXPECT_EQ(verify_cms(golden("refused-cms-bare.der"), as_bytes(message)).error().code,
              ErrorCode::unprocessable);
}

TEST(Cms, RefusesEveryChangeToWhatIsSigned) {
    const auto der = to_bytes(golden("cms-p256.der"));
    const auto message = golden("message.txt");
    const auto original = verify_cms(as_text(der), as_bytes(message)).value();
    const auto& signature = original.signature;
    const auto& signer = original.signer;
    for (std::size_t size = 0; size < der.size(); size += 3)
        EXPECT_FALSE(verify_cms(as_text(ByteView(der).first(size)), as_bytes(message)));
    // The tail is the SignerInfo: its attributes, algorithm and signature.
    for (std::size_t i = der.size() - signature.size(); i < der.size(); ++i) {
        auto flipped = der;
        flipped[i] ^= 0x10;
        EXPECT_FALSE(verify_cms(as_text(flipped), as_bytes(message))) << i;
    }
    int survivors = 0;
    for (std::size_t i = 0; i < der.size(); ++i) {
        auto flipped = der;
        flipped[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
        const auto verified = verify_cms(as_text(flipped), as_bytes(message));
        if (!verified) continue;
        ++survivors;  // what is not signed: without signingCertificateV2 the certificate around the key
        EXPECT_EQ(verified->signature, signature);
        EXPECT_EQ(verified->signer.public_key(), signer.public_key());
    }
    EXPECT_GT(survivors, 0);
}

TEST_F(CmsTest, SignatureMayBeMadeElsewhere) {
    const auto key = make_key("remote", KeyAlgorithm::ec_p256, KeyUsage::sign);
    const auto signer = certify(key);
    const auto prepared = pki::prepare_cms(signer, digest(HashAlgorithm::sha256, as_bytes(content_)), {});
    ASSERT_TRUE(prepared) << explain(prepared);
    // A device signs the DER of the signed attributes.
    const auto signature = token
                               .sign({KeyId{"remote", 1}, SignAlgorithm::es256, KeyUsage::sign,
                                      digest(HashAlgorithm::sha256, prepared->signed_attributes)},
                                     soon())
                               .value();
    const auto cms = pki::attach_cms_signature(*prepared, signature);
    ASSERT_TRUE(cms) << explain(cms);
    const auto checked =
        openssl({"cms", "-verify", "-binary", "-inform", "DER", "-in", write("cms.der", *cms), "-content",
                 path("content"), "-CAfile", path("ca.pem"), "-purpose", "any", "-out", "/dev/null"});
    EXPECT_EQ(checked.code, 0) << checked.output;
    auto wrong = signature;
    wrong.back() ^= 1;
    EXPECT_EQ(pki::attach_cms_signature(*prepared, wrong).error().code, ErrorCode::unprocessable);
    EXPECT_EQ(verify_cms(as_text(*cms), as_bytes(content_)).value().signed_attributes,
              prepared->signed_attributes);
}

// Two certificates of one key: the signature names the one it was made for (RFC 5035).
TEST_F(CmsTest, HoldsToTheCertificateItNames) {
    const auto key = make_key("signer", KeyAlgorithm::ec_p256, KeyUsage::sign);
    const auto public_key = pki::PublicKey::from_spki(key.public_key()).value();
    auto options = at_now();
    options.serial = pki::random_serial();
    const auto issue = [&](const std::string& subject) {
        return pki::issue(*ca_key_, ca_[0], pki::document_signing_profile(), {public_key, name(subject), {}},
                          options, soon())
            .value();
    };
    const auto clerk = issue("CN=Clerk"), director = issue("CN=Director");  // same issuer, same serial
    auto prepared = pki::prepare_cms(clerk, digest(HashAlgorithm::sha256, as_bytes(content_)), {}).value();
    const auto signature = pki::sign(token, key.selector(), SignAlgorithm::es256, KeyUsage::sign,
                                     prepared.signed_attributes, soon())
                               .value();
    EXPECT_TRUE(
        verify_cms(as_text(pki::attach_cms_signature(prepared, signature).value()), as_bytes(content_)));
    prepared.signer = director;
    const auto swapped =
        verify_cms(as_text(pki::attach_cms_signature(prepared, signature).value()), as_bytes(content_));
    ASSERT_FALSE(swapped);
    EXPECT_NE(swapped.error().message.find("another certificate"), std::string::npos) << explain(swapped);
}

TEST_F(CmsTest, RefusesWhatDoesNotFit) {
    const auto key = make_key("signer", KeyAlgorithm::ec_p256, KeyUsage::sign);
    const auto other = make_key("other", KeyAlgorithm::ec_p256, KeyUsage::sign);
    const auto signer = certify(key);
    EXPECT_EQ(pki::sign_cms(other, signer, {}, {}, soon()).error().code, ErrorCode::failed_precondition);
    EXPECT_EQ(pki::sign_cms(*ca_key_, ca_[0], {}, {}, soon()).error().code,
              ErrorCode::failed_precondition);  // loaded for certify
    EXPECT_EQ(pki::sign_cms(key, signer, {}, {.algorithm = SignAlgorithm::rs256}, soon()).error().code,
              ErrorCode::invalid_argument);
    EXPECT_EQ(pki::prepare_cms(signer, Bytes(20), {}).error().code, ErrorCode::invalid_argument);
    token.set_unavailable(true);
    EXPECT_EQ(pki::sign_cms(key, signer, {}, {}, soon()).error().code, ErrorCode::token_unavailable);
}

}  // namespace
}  // namespace signet::testing
