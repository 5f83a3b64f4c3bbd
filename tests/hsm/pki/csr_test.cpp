#include "hsm/pki/csr.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/encoding.h"
#include "hsm/pki/pem.h"
#include "tests/hsm/pki/pki_fixture.h"

namespace signet::testing {
namespace {

using pki::GeneralNameKind;
using pki::parse_csr;

Bytes der_of(const std::string& file) {
    return pki::from_pem(golden(file), {"CERTIFICATE REQUEST"}).value();
}

ErrorCode code_of(std::string_view input) {
    const auto csr = parse_csr(input);
    EXPECT_FALSE(csr);
    return csr ? ErrorCode::internal : csr.error().code;
}

TEST(Csr, ReadsThePayControlSample) {
    // It leaves out the attributes element.
    const auto csr = parse_csr(golden("paycontrol-csr.b64"));
    ASSERT_TRUE(csr) << explain(csr);
    EXPECT_EQ(csr->subject_text, "CN=Test User,O=Airome,L=Singapore,ST=Singapore,C=SG");
    EXPECT_EQ(
        csr->subject,
        (pki::Name{
            {"C", "SG"}, {"ST", "Singapore"}, {"L", "Singapore"}, {"O", "Airome"}, {"CN", "Test User"}}));
    EXPECT_EQ(csr->public_key.name(), "ec-p256");
    EXPECT_TRUE(csr->extensions.alternative_names.empty());
    EXPECT_FALSE(csr->extensions.key_usage);
}

TEST(Csr, ReadsEveryKindOfKeyFromOpenssl) {
    const std::pair<const char*, const char*> files[] = {{"csr-rsa.pem", "rsa-2048"},
                                                         {"csr-p256.pem", "ec-p256"},
                                                         {"csr-p384.pem", "ec-p384"},
                                                         {"csr-ed25519.pem", "ed25519"},
                                                         {"csr-pss.pem", "rsa-2048"}};
    for (const auto& [file, name] : files) {
        const auto csr = parse_csr(golden(file));
        ASSERT_TRUE(csr) << file << ": " << explain(csr);
        EXPECT_EQ(csr->public_key.name(), name);
        EXPECT_EQ(csr->subject_text,
                  "serialNumber=A-17,CN=device 0001,OU=Sensors\\, Inc.,O=Example Devices,C=SG");
    }
}

TEST(Csr, TakesPemDerAndBase64) {
    const auto pem = golden("csr-p256.pem");
    const auto der = der_of("csr-p256.pem");
    const auto expected = parse_csr(pem).value().der;
    EXPECT_EQ(expected, der);
    EXPECT_EQ(parse_csr(as_text(der)).value().der, der);
    EXPECT_EQ(parse_csr(to_base64(der)).value().der, der);
    EXPECT_EQ(parse_csr(to_base64(der).insert(64, "\r\n") + "\n").value().der, der);
    EXPECT_EQ(parse_csr("\n\n" + pem + "\n").value().der, der);
    EXPECT_EQ(parse_csr(pki::to_pem("NEW CERTIFICATE REQUEST", der)).value().der, der);
    auto crlf = pem;
    for (std::size_t at = 0; (at = crlf.find('\n', at)) != std::string::npos; at += 2)
        crlf.replace(at, 1, "\r\n");
    EXPECT_EQ(parse_csr(crlf).value().der, der);
}

TEST(Csr, ReadsRequestedExtensions) {
    const auto csr = parse_csr(golden("csr-names.pem"));
    ASSERT_TRUE(csr) << explain(csr);
    const std::vector<pki::GeneralName> names{{GeneralNameKind::dns, "a.devices.example"},
                                              {GeneralNameKind::uri, "urn:device:1"},
                                              {GeneralNameKind::email, "ops@example.org"},
                                              {GeneralNameKind::ip, "192.0.2.7"},
                                              {GeneralNameKind::ip, "2001:db8::7"}};
    EXPECT_EQ(csr->extensions.alternative_names, names);
    EXPECT_EQ(csr->extensions.key_usage,
              bit(pki::CertificateUsage::digital_signature) | bit(pki::CertificateUsage::key_agreement));
    EXPECT_EQ(csr->extensions.extended_key_usage,
              (std::vector<std::string>{"1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.17"}));
    EXPECT_FALSE(csr->extensions.certificate_authority);
    EXPECT_TRUE(parse_csr(golden("csr-ca.pem")).value().extensions.certificate_authority);
    EXPECT_EQ(parse_csr(golden("csr-utf8.pem")).value().subject_text, "CN=Müller\\, Jürgen #1");
}

TEST(Csr, RefusesWeakAndUnknownKeysAndSignatures) {
    for (const char* file : {"refused-rsa1024.pem", "refused-rsa-e3.pem", "refused-p521.pem",
                             "refused-k256.pem", "refused-explicit.pem", "refused-ed448.pem",
                             "refused-sha1.pem", "refused-pss-sha1.pem", "refused-othername.pem"}) {
        EXPECT_EQ(code_of(golden(file)), ErrorCode::unprocessable) << file;
    }
}

TEST(Csr, RefusesWhatIsNotExactlyOneObject) {
    const auto pem = golden("csr-p256.pem");
    auto der = der_of("csr-p256.pem");
    EXPECT_EQ(code_of(""), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of("hello"), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of("\n"), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(pem + golden("csr-rsa.pem")), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(pem + "x"), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of("x" + pem), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(golden("ca.pem")), ErrorCode::invalid_argument);
    EXPECT_EQ(
        code_of(pki::to_pem("CERTIFICATE REQUEST", pki::from_pem(golden("ca.pem"), {"CERTIFICATE"}).value())),
        ErrorCode::invalid_argument);
    auto trailing = der;
    trailing.push_back(0);
    EXPECT_EQ(code_of(as_text(trailing)), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(to_base64(trailing)), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(std::string(17 * 1024, 'A')), ErrorCode::too_large);
    EXPECT_EQ(code_of(std::string(64 * 1024, 'M')), ErrorCode::too_large);
    EXPECT_EQ(code_of("\x30" + std::string(17 * 1024, 'A')), ErrorCode::too_large);
}

TEST(Csr, RefusesEveryTruncationAndBitFlip) {
    for (const char* file : {"csr-p256.pem", "csr-names.pem"}) {
        const auto der = der_of(file);
        for (std::size_t size = 0; size < der.size(); ++size)
            EXPECT_FALSE(parse_csr(as_text(ByteView(der).first(size)))) << size;
        for (std::size_t i = 0; i < der.size(); ++i) {
            auto flipped = der;
            flipped[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
            EXPECT_FALSE(parse_csr(as_text(flipped))) << file << " byte " << i;
        }
    }
}

TEST(Csr, RefusesAForeignSignature) {
    // The second request's signature under the first one's body: same key type, same length.
    const provider::RequestPtr request([] {
        const auto der = der_of("csr-rsa.pem");
        const auto* cursor = der.data();
        return d2i_X509_REQ(nullptr, &cursor, static_cast<long>(der.size()));
    }());
    const provider::PkeyPtr other(EVP_RSA_gen(2048));
    ASSERT_GT(X509_REQ_sign(request.get(), other.get(), EVP_sha256()), 0);
    unsigned char* out = nullptr;
    const int size = i2d_X509_REQ(request.get(), &out);
    EXPECT_EQ(code_of({reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)}),
              ErrorCode::unprocessable);
    OPENSSL_free(out);
}

TEST(Csr, RefusesAnExtensionTwice) {
    const provider::PkeyPtr key(EVP_EC_gen("P-256"));
    const provider::RequestPtr request(X509_REQ_new());
    X509_REQ_set_pubkey(request.get(), key.get());
    STACK_OF(X509_EXTENSION)* extensions = nullptr;
    for (const char* value : {"DNS:a.example", "DNS:b.example"}) {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, value);
        X509v3_add_ext(&extensions, extension, -1);
        X509_EXTENSION_free(extension);
    }
    X509_REQ_add_extensions(request.get(), extensions);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    ASSERT_GT(X509_REQ_sign(request.get(), key.get(), EVP_sha256()), 0);
    unsigned char* out = nullptr;
    const int size = i2d_X509_REQ(request.get(), &out);
    EXPECT_EQ(code_of({reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)}),
              ErrorCode::unprocessable);
    OPENSSL_free(out);
}

class CsrForTokenKey : public PkiTest {};

TEST_F(CsrForTokenKey, IsOneThatOpensslAccepts) {
    for (const auto algorithm :
         {KeyAlgorithm::rsa_2048, KeyAlgorithm::ec_p256, KeyAlgorithm::ec_p384, KeyAlgorithm::ed25519}) {
        const auto key = make_key("key." + std::string(to_string(algorithm)), algorithm, KeyUsage::tls);
        const auto der = pki::make_csr(
            key, name("CN=server.example,O=Example"),
            {{GeneralNameKind::dns, "server.example"}, {GeneralNameKind::ip, "192.0.2.1"}}, soon());
        ASSERT_TRUE(der) << explain(der);
        const auto checked = openssl({"req", "-verify", "-noout", "-text", "-in",
                                      write("csr.pem", pki::to_pem("CERTIFICATE REQUEST", *der))});
        EXPECT_EQ(checked.code, 0) << checked.output;
        EXPECT_NE(checked.output.find("self-signature verify OK"), std::string::npos) << checked.output;
        EXPECT_NE(checked.output.find("DNS:server.example, IP Address:192.0.2.1"), std::string::npos)
            << checked.output;
        const auto csr = parse_csr(as_text(*der));
        ASSERT_TRUE(csr) << explain(csr);
        EXPECT_EQ(csr->subject_text, "CN=server.example,O=Example");
        EXPECT_EQ(csr->public_key.spki(), key.public_key());
    }
}

}  // namespace
}  // namespace signet::testing
