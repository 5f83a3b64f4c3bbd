// Golden checks: what the appliance makes, the openssl command verifies.
#include <fstream>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

class Signing : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { appliance = std::make_unique<Appliance>(); }
    static void TearDownTestSuite() { appliance.reset(); }

    static std::filesystem::path save(const std::string& name, std::string_view content) {
        const auto path = appliance->scratch(name);
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }
    static std::filesystem::path save_base64(const std::string& name, const std::string& content) {
        return save(name, as_text(from_base64(content).value()));
    }
    static std::filesystem::path public_key(const std::string& label) {
        return save(label + ".pem", text(expect_json(appliance->get("/v1/keys/" + label)), "public_key"));
    }
    static void make_key(const std::string& label, const std::string& algorithm, const std::string& usage) {
        const auto made = appliance->admin({.verb = "POST",
                                            .target = "/v1/keys",
                                            .body = R"({"label":")" + label + R"(","algorithm":")" +
                                                    algorithm + R"(","usages":[")" + usage + "\"]}"});
        EXPECT_EQ(made.status, 201) << made.body;
    }

    static std::unique_ptr<Appliance> appliance;
};
std::unique_ptr<Appliance> Signing::appliance;

TEST_F(Signing, ListsTheFirstKeys) {
    const auto keys = expect_json(appliance->get("/v1/keys"));
    std::map<std::string, std::string> algorithms;
    for (const auto& key : keys.at("keys").as_array()) {
        algorithms[text(key, "label")] = text(key, "algorithm");
        EXPECT_EQ(text(key, "state"), "active") << text(key, "label");
    }
    for (const auto* label : {"device.ca", "audit", "document.ec", "document.rsa", "document.mac", "wrap",
                              "bind", "seal", "tls.server"})
        EXPECT_TRUE(algorithms.contains(label)) << label;
    EXPECT_EQ(algorithms["document.rsa"], "rsa-2048");
}

struct Case {
    const char* name;
    const char* label;
    const char* key_algorithm;  // made first when not null
    std::vector<std::string> openssl;
};

TEST_F(Signing, OpensslVerifiesEveryAlgorithm) {
    const std::vector<std::string> pss256{"-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
                                          "rsa_pss_saltlen:digest"};
    const std::vector<std::string> pss384{"-sha384", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
                                          "rsa_pss_saltlen:digest"};
    const std::vector<std::string> pss512{"-sha512", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
                                          "rsa_pss_saltlen:digest"};
    const std::vector<Case> cases{
        {"ES256", "document.ec", nullptr, {"-sha256"}},  {"RS256", "document.rsa", nullptr, {"-sha256"}},
        {"RS384", "document.rsa", nullptr, {"-sha384"}}, {"RS512", "document.rsa", nullptr, {"-sha512"}},
        {"PS256", "document.rsa", nullptr, pss256},      {"PS384", "document.rsa", nullptr, pss384},
        {"PS512", "document.rsa", nullptr, pss512},      {"ES384", "golden.p384", "ec-p384", {"-sha384"}}};
    const std::string message = "the quick brown fox";
    const auto data = save("message", message);
    for (const auto& one : cases) {
        SCOPED_TRACE(one.name);
        if (one.key_algorithm != nullptr) make_key(one.label, one.key_algorithm, "sign");
        const auto signature = expect_json(
            appliance->post("/v1/keys/" + std::string(one.label) + "/sign", sign_body(one.name, message)));
        EXPECT_EQ(text(signature, "algorithm"), one.name);
        EXPECT_EQ(text(signature, "key"), one.label);
        EXPECT_GT(number(signature, "audit"), 0U);
        std::vector<std::string> command{"dgst"};
        command.insert(command.end(), one.openssl.begin(), one.openssl.end());
        for (const auto& word :
             {std::string("-verify"), public_key(one.label).string(), std::string("-signature"),
              save_base64("signature", text(signature, "signature")).string(), data.string()})
            command.push_back(word);
        const auto verified = Appliance::openssl(command);
        EXPECT_EQ(verified.output, "Verified OK\n");
    }
}

TEST_F(Signing, OpensslVerifiesEd25519) {
    make_key("golden.ed", "ed25519", "sign");
    const auto data = save("message.ed", "the quick brown fox");
    const auto signature =
        expect_json(appliance->post("/v1/keys/golden.ed/sign", sign_body("EdDSA", "the quick brown fox")));
    const auto verified = Appliance::openssl(
        {"pkeyutl", "-verify", "-pubin", "-inkey", public_key("golden.ed").string(), "-rawin", "-in",
         data.string(), "-sigfile", save_base64("signature.ed", text(signature, "signature")).string()});
    EXPECT_NE(verified.output.find("Signature Verified Successfully"), std::string::npos) << verified.output;
}

TEST_F(Signing, DigestAndDataGiveTheSameVerdict) {
    const auto data = save("message.digest", "abc");
    // printf abc | sha256sum
    const auto digest = from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").value();
    const auto signature = expect_json(appliance->post(
        "/v1/keys/document.ec/sign", R"({"algorithm":"ES256","digest":")" + to_base64(digest) + "\"}"));
    const auto verify = R"({"algorithm":"ES256","data":")" + to_base64(as_bytes("abc")) +
                        R"(","signature":")" + text(signature, "signature") + "\"}";
    EXPECT_EQ(text(expect_json(appliance->post("/v1/keys/document.ec/verify", verify)), "valid"), "true");
    const auto wrong = R"({"algorithm":"ES256","data":")" + to_base64(as_bytes("abd")) +
                       R"(","signature":")" + text(signature, "signature") + "\"}";
    EXPECT_EQ(text(expect_json(appliance->post("/v1/keys/document.ec/verify", wrong)), "valid"), "false");
}

TEST_F(Signing, BatchSignsEachItem) {
    const auto answer = expect_json(appliance->post(
        "/v1/keys/document.ec/sign-batch",
        R"({"algorithm":"ES256","items":[{"data":"YQ=="},{"data":"Yg=="},{"data":"Yw=="}]})"));
    const auto& signatures = answer.at("signatures").as_array();
    ASSERT_EQ(signatures.size(), 3U);
    const char* contents[] = {"a", "b", "c"};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto verified = Appliance::openssl(
            {"dgst", "-sha256", "-verify", public_key("document.ec").string(), "-signature",
             save_base64("batch", signatures[i].as_string().c_str()).string(),
             save("batch.data", contents[i]).string()});
        EXPECT_EQ(verified.output, "Verified OK\n");
    }
}

TEST_F(Signing, MacsAreCheckedInTheToken) {
    const auto made = expect_json(appliance->post("/v1/keys/document.mac/mac", sign_body("HS256", "abc")));
    const auto mac = text(made, "mac");
    EXPECT_EQ(from_base64(mac).value().size(), 32U);
    const auto check = [&](const std::string& value, const std::string& data) {
        return text(
            expect_json(appliance->post("/v1/keys/document.mac/mac-verify",
                                        R"({"algorithm":"HS256","data":")" + to_base64(as_bytes(data)) +
                                            R"(","mac":")" + value + "\"}")),
            "valid");
    };
    EXPECT_EQ(check(mac, "abc"), "true");
    EXPECT_EQ(check(mac, "abd"), "false");
    EXPECT_EQ(check("AAAA", "abc"), "false");
}

TEST_F(Signing, DecryptsWhatOpensslEncrypted) {
    make_key("golden.decrypt", "rsa-2048", "decrypt");
    const auto key = public_key("golden.decrypt");
    const auto plain = save("plain", "attack at dawn");
    for (const auto& [algorithm, hash] :
         {std::pair("RSA-OAEP", "sha1"), std::pair("RSA-OAEP-256", "sha256")}) {
        SCOPED_TRACE(algorithm);
        const auto cipher = appliance->scratch("cipher");
        const auto encrypted = Appliance::openssl(
            {"pkeyutl", "-encrypt", "-pubin", "-inkey", key.string(), "-in", plain.string(), "-out",
             cipher.string(), "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt",
             std::string("rsa_oaep_md:") + hash, "-pkeyopt", std::string("rsa_mgf1_md:") + hash});
        ASSERT_EQ(encrypted.code, 0) << encrypted.output;
        std::ifstream file(cipher, std::ios::binary);
        const std::string content((std::istreambuf_iterator<char>(file)), {});
        const auto body = R"({"algorithm":")" + std::string(algorithm) + R"(","ciphertext":")" +
                          to_base64(as_bytes(content)) + "\"}";
        EXPECT_EQ(
            as_text(from_base64(
                        text(expect_json(appliance->post("/v1/keys/golden.decrypt/decrypt", body)), "data"))
                        .value()),
            "attack at dawn");
    }
}

TEST_F(Signing, OpensslVerifiesCms) {
    const auto content = save("content", "a contract");
    for (const auto* label : {"document.ec", "document.rsa"}) {
        const auto made =
            expect_json(appliance->post("/v1/keys/" + std::string(label) + "/cms",
                                        R"({"data":")" + to_base64(as_bytes("a contract")) + "\"}"));
        const auto verified = Appliance::openssl(
            {"cms", "-verify", "-inform", "DER", "-in", save_base64("cms.der", text(made, "cms")).string(),
             "-content", content.string(), "-binary", "-CAfile", appliance->path("ca/device.ca.pem").string(),
             "-purpose", "any"});
        EXPECT_EQ(verified.code, 0) << verified.output;
    }
}

TEST_F(Signing, JwsHasThreePartsAndASignatureThatVerifies) {
    const auto made = expect_json(appliance->post(
        "/v1/keys/document.rsa/jws",
        R"({"algorithm":"RS256","payload":")" + to_base64(as_bytes(R"({"sub":"x"})")) + "\"}"));
    const auto jws = text(made, "jws");
    const auto dot = jws.rfind('.');
    ASSERT_NE(dot, std::string::npos);
    const auto signature = from_base64url(jws.substr(dot + 1)).value();
    const auto verified = Appliance::openssl(
        {"dgst", "-sha256", "-verify", public_key("document.rsa").string(), "-signature",
         save("jws.sig", as_text(signature)).string(), save("jws.data", jws.substr(0, dot)).string()});
    EXPECT_EQ(verified.output, "Verified OK\n");
}

TEST_F(Signing, RefusesWhatDoesNotFit) {
    expect_problem(appliance->post("/v1/keys/document.ec/sign", sign_body("RS256", "x")), 422,
                   "unprocessable");
    expect_problem(appliance->post("/v1/keys/document.ec/sign", R"({"algorithm":"ES256"})"), 400,
                   "invalid_argument");
    expect_problem(appliance->post("/v1/keys/document.ec/sign", R"({"algorithm":"ES256","data":"YQ","x":1})"),
                   400, "invalid_argument");
    expect_problem(appliance->post("/v1/keys/document.ec/sign", "{"), 400, "invalid_argument");
    expect_problem(appliance->post("/v1/keys/no.such/sign", sign_body("ES256", "x")), 404, "not_found");
    // A key for certificates signs no documents.
    const auto ca = appliance->post("/v1/keys/device.ca/sign", sign_body("ES256", "x"));
    EXPECT_EQ(ca.status, 422) << ca.body;
    expect_problem(appliance->post("/v1/keys/document.ec/sign", std::string(std::size_t{3} << 20, 'a')), 413,
                   "too_large");
}

TEST_F(Signing, RotationKeepsOldSignaturesVerifiable) {
    make_key("golden.rotate", "ec-p256", "sign");
    const auto before = expect_json(appliance->post("/v1/keys/golden.rotate/sign", sign_body("ES256", "x")));
    const auto rotated = appliance->admin({.verb = "POST", .target = "/v1/keys/golden.rotate/rotate"});
    EXPECT_EQ(rotated.status, 201) << rotated.body;
    const auto after = expect_json(appliance->post("/v1/keys/golden.rotate/sign", sign_body("ES256", "x")));
    EXPECT_EQ(number(before, "version"), 1U);
    EXPECT_EQ(number(after, "version"), 2U);
    const auto verify =
        R"({"algorithm":"ES256","version":1,"data":"eA==","signature":")" + text(before, "signature") + "\"}";
    EXPECT_EQ(text(expect_json(appliance->post("/v1/keys/golden.rotate/verify", verify)), "valid"), "true");
}

}  // namespace
}  // namespace signet::testing
