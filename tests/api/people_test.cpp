// What people ask of the audit chain and of the keys, with signetctl, against a running appliance.
#include <fstream>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

std::string content_of(const std::filesystem::path& file) {
    std::ifstream input(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(input), {}};
}

class People : public ::testing::Test {
  protected:
    Ended ctl(std::vector<std::string> arguments) const { return appliance.ctl(std::move(arguments)); }
    json::value ctl_json(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), "--json");
        const auto ended = appliance.ctl(std::move(arguments));
        EXPECT_EQ(ended.code, 0) << ended.output;
        return parse_json(ended.output);
    }
    Appliance appliance;
};

TEST_F(People, SearchAndReportTheAuditChain) {
    ASSERT_EQ(appliance.post("/v1/keys/document.ec/sign", sign_body("ES256", "x")).status, 200);
    ASSERT_EQ(appliance.post("/v1/keys/nobody/sign", sign_body("ES256", "x")).status, 404);
    const auto found = ctl_json({"audit", "search", "--action", "keys.sign", "--object", "document.*"});
    ASSERT_EQ(found.at("records").as_array().size(), 1U);
    EXPECT_EQ(text(found.at("records").as_array()[0], "object"), "document.ec/1");
    EXPECT_TRUE(ctl_json({"audit", "search", "--to", "2001-01-01"}).at("records").as_array().empty());
    EXPECT_EQ(ctl({"audit", "search", "--from", "yesterday"}).code, 2);

    const auto page = appliance.scratch("report.html");
    const auto report = ctl({"audit", "report", page.string(), "--from", "2001-01-01"});
    EXPECT_EQ(report.code, 0) << report.output;
    const auto html = content_of(page);
    EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
    for (const auto* part :
         {"The chain is whole", "document.ec/1", "keys.sign", "system.init", "class=\"whole\""})
        EXPECT_NE(html.find(part), std::string::npos) << part;
}

TEST_F(People, ShowWhatTheTokenSaysOfAKeyAndProveIt) {
    const auto shown = expect_json(appliance.get("/v1/keys/document.ec"));
    const auto& attributes = shown.at("versions").as_array()[0].at("attributes");
    for (const auto* name : {"CKA_SENSITIVE", "CKA_ALWAYS_SENSITIVE", "CKA_NEVER_EXTRACTABLE", "CKA_LOCAL"})
        EXPECT_EQ(text(attributes, name), "true") << name;
    EXPECT_EQ(text(attributes, "CKA_EXTRACTABLE"), "false");
    const auto listed = ctl({"keys", "show", "document.ec"});
    EXPECT_NE(listed.output.find("NEVER_EXTRACTABLE LOCAL"), std::string::npos) << listed.output;

    const auto file = appliance.scratch("statement.json");
    const auto made = ctl({"keys", "attest", "document.ec", "--out", file.string()});
    ASSERT_EQ(made.code, 0) << made.output;
    const auto key = appliance.scratch("audit.pem");
    std::ofstream(key) << ctl({"keys", "show", "audit", "--public-key"}).output;
    const auto genuine = ctl({"keys", "verify-attestation", file.string(), "--key", key.string()});
    EXPECT_EQ(genuine.code, 0) << genuine.output;
    EXPECT_NE(genuine.output.find("document.ec"), std::string::npos);

    // openssl, which is no code of ours, agrees about the signature.
    const auto statement = parse_json(content_of(file));
    const auto message = appliance.scratch("message");
    const auto signature = appliance.scratch("signature");
    for (const auto& [name, path] : {std::pair{"message", message}, std::pair{"signature", signature}}) {
        std::ofstream(path.string() + ".b64") << text(statement, name) << "\n";
        ASSERT_EQ(
            Appliance::openssl({"base64", "-d", "-A", "-in", path.string() + ".b64", "-out", path.string()})
                .code,
            0);
    }
    const auto checked = Appliance::openssl(
        {"dgst", "-sha256", "-verify", key.string(), "-signature", signature.string(), message.string()});
    EXPECT_EQ(checked.code, 0) << checked.output;

    auto forged = content_of(file);
    const auto at = forged.find(R"(CKA_EXTRACTABLE\":false)");
    ASSERT_NE(at, std::string::npos);
    forged.replace(at, 23, R"(CKA_EXTRACTABLE\":true )");
    std::ofstream(file) << forged;
    EXPECT_EQ(ctl({"keys", "verify-attestation", file.string(), "--key", key.string()}).code, 8);
}

TEST_F(People, RetireAndDestroyWithProof) {
    ASSERT_EQ(ctl({"keys", "rotate", "document.ec"}).code, 0);
    EXPECT_EQ(ctl({"keys", "retire", "document.ec", "--key-version", "2"}).code, 0);
    EXPECT_EQ(appliance.post("/v1/keys/document.ec/sign", sign_body("ES256", "x")).status, 409);
    ASSERT_EQ(ctl({"keys", "disable", "document.ec", "--key-version", "1"}).code, 0);
    const auto destroyed =
        ctl({"keys", "destroy", "document.ec", "--key-version", "1", "--confirm", "document.ec/1"});
    ASSERT_EQ(destroyed.code, 0) << destroyed.output;
    const auto proof = parse_json(ctl({"keys", "attest", "document.ec", "--key-version", "1"}).output);
    const auto statement = parse_json(text(proof.at("record"), "details"));
    EXPECT_EQ(text(statement, "present"), "false");
    EXPECT_EQ(text(statement, "state"), "destroyed");
    EXPECT_EQ(ctl_json({"audit", "verify"}).at("ok").as_bool(), true);
}

TEST_F(People, DoctorComparesTheChainWithTheToken) {
    const auto findings = ctl({"doctor"});
    EXPECT_NE(findings.output.find("audit.anchor"), std::string::npos) << findings.output;
    EXPECT_NE(findings.output.find("the chain has the head that the token anchored"), std::string::npos)
        << findings.output;
}

}  // namespace
}  // namespace signet::testing
