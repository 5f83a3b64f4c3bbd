#include "hsm/pki/signature.h"

#include "tests/hsm/pki/pki_fixture.h"

namespace signet::testing {
namespace {

struct Vector {
    SignAlgorithm algorithm;
    const char* key;  // of public-*.pem
    KeyAlgorithm token_key;
};
constexpr Vector kVectors[] = {
    {SignAlgorithm::rs256, "rsa", KeyAlgorithm::rsa_2048},
    {SignAlgorithm::rs384, "rsa", KeyAlgorithm::rsa_2048},
    {SignAlgorithm::rs512, "rsa", KeyAlgorithm::rsa_2048},
    {SignAlgorithm::ps256, "rsa", KeyAlgorithm::rsa_2048},
    {SignAlgorithm::ps384, "rsa", KeyAlgorithm::rsa_2048},
    {SignAlgorithm::ps512, "rsa", KeyAlgorithm::rsa_2048},
    {SignAlgorithm::es256, "p256", KeyAlgorithm::ec_p256},
    {SignAlgorithm::es384, "p384", KeyAlgorithm::ec_p384},
    {SignAlgorithm::eddsa, "ed25519", KeyAlgorithm::ed25519},
};

pki::PublicKey golden_key(const char* name) {
    return pki::PublicKey::from_pem(golden(std::string("public-") + name + ".pem")).value();
}

TEST(Signature, VerifiesWhatOpensslSigned) {
    const auto message = golden("message.txt");
    for (const auto& vector : kVectors) {
        const auto key = golden_key(vector.key);
        auto signature = to_bytes(golden(std::string(to_string(vector.algorithm)) + ".sig"));
        EXPECT_TRUE(pki::verify(key, vector.algorithm, as_bytes(message), signature).value())
            << to_string(vector.algorithm);
        EXPECT_FALSE(pki::verify(key, vector.algorithm, as_bytes(message + "x"), signature).value());
        signature[signature.size() / 2] ^= 1;
        EXPECT_FALSE(pki::verify(key, vector.algorithm, as_bytes(message), signature).value());
        EXPECT_FALSE(pki::verify(key, vector.algorithm, as_bytes(message), {}).value());
        for (const auto& other : kVectors) {
            if (key.fits(other.algorithm)) continue;
            EXPECT_EQ(pki::verify(key, other.algorithm, as_bytes(message), signature).error().code,
                      ErrorCode::invalid_argument);
        }
    }
    // One RSA scheme's signature is none of another one.
    EXPECT_FALSE(
        pki::verify(golden_key("rsa"), SignAlgorithm::ps256, as_bytes(message), to_bytes(golden("RS256.sig")))
            .value());
    EXPECT_FALSE(
        pki::verify(golden_key("rsa"), SignAlgorithm::rs512, as_bytes(message), to_bytes(golden("RS256.sig")))
            .value());
}

class TokenSignature : public PkiTest {};

TEST_F(TokenSignature, VerifiesWithOpenssl) {
    write("message.txt", golden("message.txt"));
    for (const auto& vector : kVectors) {
        const std::string algorithm(to_string(vector.algorithm));
        std::string label = "key." + algorithm;
        for (char& c : label)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const auto info = token.make(label, vector.token_key, KeyUsage::sign);
        const auto key = pki::PublicKey::from_spki(info.public_key).value();
        const auto signature = pki::sign(token, info.id, vector.algorithm, KeyUsage::sign,
                                         as_bytes(golden("message.txt")), soon());
        ASSERT_TRUE(signature) << explain(signature);
        EXPECT_TRUE(pki::verify(key, vector.algorithm, as_bytes(golden("message.txt")), *signature).value());
        write("public.pem", key.pem());
        write("signature", *signature);
        std::vector<std::string> command{"dgst",       "-sha" + algorithm.substr(2),
                                         "-verify",    path("public.pem"),
                                         "-signature", path("signature")};
        if (algorithm.starts_with("PS"))
            command.insert(command.end(),
                           {"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"});
        command.push_back(path("message.txt"));
        if (vector.algorithm == SignAlgorithm::eddsa)
            command = {"pkeyutl",          "-verify",  "-rawin",          "-pubin", "-inkey",
                       path("public.pem"), "-sigfile", path("signature"), "-in",    path("message.txt")};
        const auto checked = openssl(command);
        EXPECT_EQ(checked.code, 0) << algorithm << ": " << checked.output;
    }
}

TEST(Signature, InputsAreBoundedAndSized) {
    EXPECT_EQ(pki::sign_input(SignAlgorithm::es384, {}).value().size(), 48U);
    EXPECT_EQ(pki::sign_input(SignAlgorithm::eddsa, Bytes(5)).value().size(), 5U);
    EXPECT_EQ(pki::sign_input(SignAlgorithm::eddsa, Bytes((1 << 20) + 1)).error().code, ErrorCode::too_large);
    EXPECT_TRUE(pki::check_digest(SignAlgorithm::es256, Bytes(32)));
    EXPECT_FALSE(pki::check_digest(SignAlgorithm::es256, Bytes(31)));
    EXPECT_FALSE(pki::check_digest(SignAlgorithm::eddsa, Bytes(32)));
}

TEST(Signature, EcdsaGoesToRawAndBack) {
    const auto der = to_bytes(golden("ES256.sig"));
    const auto raw = pki::ecdsa_der_to_raw(SignAlgorithm::es256, der).value();
    EXPECT_EQ(raw.size(), 64U);
    EXPECT_EQ(pki::ecdsa_raw_to_der(SignAlgorithm::es256, raw).value(), der);
    EXPECT_EQ(pki::ecdsa_der_to_raw(SignAlgorithm::es384, to_bytes(golden("ES384.sig"))).value().size(), 96U);
    EXPECT_FALSE(pki::ecdsa_der_to_raw(SignAlgorithm::es256, to_bytes(golden("ES384.sig"))));
    EXPECT_FALSE(pki::ecdsa_der_to_raw(SignAlgorithm::es256, Bytes(70)));
    EXPECT_FALSE(pki::ecdsa_raw_to_der(SignAlgorithm::es256, Bytes(63)));
    // Small numbers keep their width: r = 1, s = 2.
    const auto small = pki::ecdsa_der_to_raw(SignAlgorithm::es256, Bytes{0x30, 6, 2, 1, 1, 2, 1, 2}).value();
    EXPECT_EQ(small[31], 1);
    EXPECT_EQ(small[63], 2);
    EXPECT_EQ(small[0], 0);
}

}  // namespace
}  // namespace signet::testing
