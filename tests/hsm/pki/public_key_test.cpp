#include "hsm/pki/public_key.h"

#include "base/encoding.h"
#include "tests/hsm/pki/pki_fixture.h"

namespace signet::testing {
namespace {

using pki::PublicKey;

TEST(PublicKey, ReadsWhatOpensslWrites) {
    const std::pair<const char*, const char*> files[] = {
        {"rsa", "rsa-2048"}, {"p256", "ec-p256"}, {"p384", "ec-p384"}, {"ed25519", "ed25519"}};
    for (const auto& [file, expected] : files) {
        const auto pem = golden(std::string("public-") + file + ".pem");
        const auto key = PublicKey::from_pem(pem);
        ASSERT_TRUE(key) << explain(key);
        EXPECT_EQ(key->name(), expected);
        EXPECT_EQ(key->pem(), pem);
        EXPECT_EQ(PublicKey::from_spki(key->spki()).value(), *key);
        auto trailing = key->spki();
        trailing.push_back(0);
        EXPECT_FALSE(PublicKey::from_spki(trailing));
        for (std::size_t size = 0; size < key->spki().size(); ++size)
            EXPECT_FALSE(PublicKey::from_spki(ByteView(key->spki()).first(size)));
    }
}

TEST(PublicKey, ThumbprintsAreThoseOfTheRfcs) {
    // RFC 7638 section 3.1.
    const auto modulus =
        from_base64url(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
            "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-"
            "65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
            "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw")
            .value();
    Bytes spki = from_hex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100").value();
    spki.insert(spki.end(), modulus.begin(), modulus.end());
    const Bytes exponent{0x02, 0x03, 0x01, 0x00, 0x01};
    spki.insert(spki.end(), exponent.begin(), exponent.end());
    const auto rsa = PublicKey::from_spki(spki);
    ASSERT_TRUE(rsa) << explain(rsa);
    EXPECT_EQ(rsa->jwk_thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    // RFC 8037 appendix A.3.
    Bytes ed25519 = from_hex("302a300506032b6570032100").value();
    const auto x = from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").value();
    ed25519.insert(ed25519.end(), x.begin(), x.end());
    EXPECT_EQ(PublicKey::from_spki(ed25519).value().jwk_thumbprint(),
              "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

TEST(PublicKey, RefusesPointsThatAreNone) {
    auto spki = PublicKey::from_pem(golden("public-p256.pem")).value().spki();
    spki.back() ^= 1;
    EXPECT_FALSE(PublicKey::from_spki(spki));
    EXPECT_EQ(PublicKey::from_spki(Bytes(4096, 0)).error().code, ErrorCode::too_large);
}

TEST(PublicKey, IdentifierIsOpenssls) {
    // ca.pem has subjectKeyIdentifier=hash, made by openssl.
    const auto ca = pki::Certificate::parse(golden("ca.pem")).value();
    EXPECT_EQ(ca.public_key().key_identifier(), ca.subject_key_identifier());
}

}  // namespace
}  // namespace signet::testing
