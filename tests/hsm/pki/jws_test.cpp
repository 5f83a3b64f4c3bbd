#include "hsm/pki/jws.h"

#include <array>

#include "base/encoding.h"
#include "hsm/pki/signature.h"
#include "tests/hsm/pki/pki_fixture.h"

namespace signet::testing {
namespace {

using pki::JwsHeader;
using pki::parse_jws;
using pki::verify_jws;

constexpr std::array kAll{SignAlgorithm::rs256, SignAlgorithm::rs384, SignAlgorithm::rs512,
                          SignAlgorithm::ps256, SignAlgorithm::ps384, SignAlgorithm::ps512,
                          SignAlgorithm::es256, SignAlgorithm::es384, SignAlgorithm::eddsa};

std::string compact(std::string_view header, std::string_view payload = "{}",
                    std::string_view signature = "sig") {
    return to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(payload)) + "." +
           to_base64url(as_bytes(signature));
}

class JwsTest : public PkiTest {};

TEST_F(JwsTest, SignsAndVerifiesWithEveryAlgorithm) {
    for (const auto algorithm : kAll) {
        const auto key_algorithm = fits(algorithm, KeyAlgorithm::rsa_2048) ? KeyAlgorithm::rsa_2048
                                   : algorithm == SignAlgorithm::es256     ? KeyAlgorithm::ec_p256
                                   : algorithm == SignAlgorithm::es384     ? KeyAlgorithm::ec_p384
                                                                           : KeyAlgorithm::ed25519;
        const auto info =
            token.make("key.a" + std::to_string(static_cast<int>(algorithm)), key_algorithm, KeyUsage::sign);
        const auto key = pki::PublicKey::from_spki(info.public_key).value();
        JwsHeader header{
            .algorithm = algorithm, .key_id = "key-1", .type = "JWT", .content_type = "text/plain"};
        header.certificates = {{1, 2, 3}, {4, 5}};
        const auto jws = pki::sign_jws(token, info.id, KeyUsage::sign, header, as_bytes("payload"), soon());
        ASSERT_TRUE(jws) << explain(jws);
        const auto verified = verify_jws(*jws, key, kAll);
        ASSERT_TRUE(verified) << explain(verified);
        EXPECT_EQ(verified->payload, to_bytes("payload"));
        EXPECT_EQ(verified->header.algorithm, algorithm);
        EXPECT_EQ(verified->header.key_id, "key-1");
        EXPECT_EQ(verified->header.type, "JWT");
        EXPECT_EQ(verified->header.content_type, "text/plain");
        EXPECT_EQ(verified->header.certificates, header.certificates);
        EXPECT_EQ(verified->signature.size() == 64U,
                  algorithm == SignAlgorithm::es256 || algorithm == SignAlgorithm::eddsa);

        auto forged = *jws;
        forged[forged.find('.') + 2] ^= 1;
        EXPECT_FALSE(verify_jws(forged, key, kAll));
        const SignAlgorithm others[] = {algorithm == SignAlgorithm::rs256 ? SignAlgorithm::es256
                                                                          : SignAlgorithm::rs256};
        EXPECT_FALSE(verify_jws(*jws, key, others));
    }
}

TEST(Jws, VerifiesTheRfcsOwnExample) {
    // RFC 8037 appendix A.4, Ed25519.
    Bytes spki = from_hex("302a300506032b6570032100").value();
    const auto x = from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").value();
    spki.insert(spki.end(), x.begin(), x.end());
    const auto jws = verify_jws(
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        pki::PublicKey::from_spki(spki).value(), kAll);
    ASSERT_TRUE(jws) << explain(jws);
    EXPECT_EQ(as_text(jws->payload), "Example of Ed25519 signing");
}

TEST(Jws, RefusesWhatIsNotStrict) {
    EXPECT_TRUE(parse_jws(compact(R"({"alg":"ES256"})"), kAll));
    EXPECT_TRUE(parse_jws(compact(R"({"alg":"ES256","unknown":{"deep":[1]}})"), kAll));
    EXPECT_TRUE(parse_jws(compact(R"({"alg":"ES256"})", ""), kAll));
    for (const char* header : {R"({"alg":"none"})",
                               R"({"alg":"None"})",
                               R"({"alg":"HS256"})",
                               R"({"alg":""})",
                               R"({"alg":7})",
                               R"({})",
                               R"([])",
                               R"("ES256")",
                               "",
                               R"({"alg":"ES256","alg":"ES256"})",
                               R"({"alg":"ES256","kid":"a","kid":"b"})",
                               R"({"alg":"ES256","crit":["b64"],"b64":false})",
                               R"({"alg":"ES256","jwk":{}})",
                               R"({"alg":"ES256","jku":"https://x"})",
                               R"({"alg":"ES256","x5u":"https://x"})",
                               R"({"alg":"ES256","kid":7})",
                               R"({"alg":"ES256","x5c":[]})",
                               R"({"alg":"ES256","x5c":"AA=="})",
                               R"({"alg":"ES256","x5c":["A"]})",
                               R"({"alg":"ES256"} {})",
                               R"({"alg":"ES256",})",
                               R"({"\u0061lg":"ES256","alg":"RS256"})"}) {
        EXPECT_FALSE(parse_jws(compact(header), kAll)) << header;
    }
    const auto good = compact(R"({"alg":"ES256"})");
    for (const auto& text :
         {std::string(), std::string("."), std::string(".."), good + ".x", good + "=", good + "\n",
          " " + good, good.substr(0, good.rfind('.')), good.substr(0, good.rfind('.') + 1),
          std::string("a.b.c"), compact("{\"alg\":\"ES256\"}").insert(3, "+")}) {
        EXPECT_FALSE(parse_jws(text, kAll)) << text;
    }
    EXPECT_EQ(parse_jws(std::string(3 << 20, 'A'), kAll).error().code, ErrorCode::too_large);
    EXPECT_EQ(parse_jws(std::string(40000, 'A') + ".AA.AA", kAll).error().code, ErrorCode::too_large);
    std::string deep = R"({"alg":"ES256","x":)" + std::string(5000, '[') + std::string(5000, ']') + "}";
    EXPECT_FALSE(parse_jws(compact(deep), kAll));
}

TEST(Jws, SigningIsBounded) {
    EXPECT_EQ(pki::jws_signing_input({}, Bytes((1 << 20) + 1)).error().code, ErrorCode::too_large);
    JwsHeader header;
    header.certificates.resize(9, Bytes(1));
    EXPECT_EQ(pki::jws_signing_input(header, {}).error().code, ErrorCode::too_large);
    header = {};
    header.key_id = "\xff";
    EXPECT_FALSE(pki::jws_signing_input(header, {}));
    EXPECT_FALSE(pki::jws_attach_signature("a.b", SignAlgorithm::es256, Bytes(64)));
}

}  // namespace
}  // namespace signet::testing
