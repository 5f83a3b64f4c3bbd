#include <fstream>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

class Certificates : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { appliance = std::make_unique<Appliance>(); }
    static void TearDownTestSuite() { appliance.reset(); }

    static std::string read(const std::filesystem::path& path) {
        std::ifstream file(path, std::ios::binary);
        return std::string((std::istreambuf_iterator<char>(file)), {});
    }
    static std::filesystem::path save(const std::string& name, std::string_view content) {
        const auto path = appliance->scratch(name);
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }
    static std::string make_request(const std::string& subject,
                                    const std::vector<std::string>& key = {"-newkey", "ec", "-pkeyopt",
                                                                           "ec_paramgen_curve:prime256v1"}) {
        std::vector<std::string> command{"req",
                                         "-new",
                                         "-nodes",
                                         "-subj",
                                         subject,
                                         "-keyout",
                                         appliance->scratch("key.pem").string(),
                                         "-out",
                                         appliance->scratch("request.pem").string()};
        command.insert(command.end(), key.begin(), key.end());
        const auto made = Appliance::openssl(command);
        EXPECT_EQ(made.code, 0) << made.output;
        return read(appliance->scratch("request.pem"));
    }
    static std::string body(const std::string& csr, const std::string& profile = "device") {
        return json::serialize(json::object{{"csr", csr}, {"profile", profile}});
    }
    static HttpAnswer issue(const std::string& csr, std::vector<std::string> headers = {}) {
        return appliance->post("/v1/ca/device.ca/certificates", body(csr), std::move(headers));
    }
    static std::string authority() { return appliance->path("ca/device.ca.pem").string(); }

    static std::unique_ptr<Appliance> appliance;
};
std::unique_ptr<Appliance> Certificates::appliance;

TEST_F(Certificates, ForTheRequestPrintedInDocument003) {
    auto csr = read(std::filesystem::path(SIGNET_SOURCE_ROOT) / "packaging/examples/document-003.csr.b64");
    while (csr.ends_with('\n'))
        csr.pop_back();
    const auto issued = issue(csr);
    ASSERT_TRUE(issued.status == 200 || issued.status == 201) << issued.body;
    const auto answer = parse_json(issued.body);
    EXPECT_EQ(text(answer, "serial").size(), 32U);
    const auto file = save("device.pem", text(answer, "certificate"));
    const auto verified =
        Appliance::openssl({"verify", "-x509_strict", "-CAfile", authority(), file.string()});
    EXPECT_EQ(verified.code, 0) << verified.output;
    const auto shown = Appliance::openssl(
        {"x509", "-in", file.string(), "-noout", "-subject", "-ext", "basicConstraints,extendedKeyUsage"});
    EXPECT_NE(shown.output.find("CN = Test User"), std::string::npos) << shown.output;
    EXPECT_NE(shown.output.find("CA:FALSE"), std::string::npos) << shown.output;
    EXPECT_NE(shown.output.find("TLS Web Client Authentication"), std::string::npos) << shown.output;

    const auto found = expect_json(appliance->get("/v1/ca/device.ca/certificates/" + text(answer, "serial")));
    EXPECT_EQ(text(found, "certificate"), text(answer, "certificate"));
}

TEST_F(Certificates, AnIdempotencyKeyGivesTheSameCertificate) {
    const auto csr = make_request("/CN=twice");
    const auto first = issue(csr, {"Idempotency-Key: once-only"});
    const auto second = issue(csr, {"Idempotency-Key: once-only"});
    EXPECT_EQ(first.status, second.status);
    EXPECT_EQ(text(parse_json(first.body), "serial"), text(parse_json(second.body), "serial"));
    expect_problem(issue(make_request("/CN=another"), {"Idempotency-Key: once-only"}), 422, "unprocessable");
}

TEST_F(Certificates, RefusesWeakBrokenAndUnwantedRequests) {
    EXPECT_EQ(issue(make_request("/CN=weak", {"-newkey", "rsa:1024"})).status, 422);
    EXPECT_EQ(issue(make_request("/O=nobody")).status, 422);  // the profile wants a CN
    EXPECT_EQ(issue(make_request("/CN=x/emailAddress=x@example.org")).status,
              422);  // an attribute it does not take
    EXPECT_EQ(issue("bm8gcmVxdWVzdA==").status, 400);
    // One flipped bit: the proof of possession fails.
    const auto pem = make_request("/CN=flipped");
    const auto der = Appliance::openssl({"req", "-in", appliance->scratch("request.pem").string(), "-outform",
                                         "DER", "-out", appliance->scratch("request.der").string()});
    ASSERT_EQ(der.code, 0);
    auto bytes = read(appliance->scratch("request.der"));
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    EXPECT_EQ(issue(to_base64(as_bytes(bytes))).status, 422);
    EXPECT_EQ(appliance->post("/v1/ca/device.ca/certificates", body(pem, "nothing")).status / 100, 4);
    EXPECT_EQ(appliance->post("/v1/ca/no.such/certificates", body(pem)).status, 404);
}

TEST_F(Certificates, RevocationShowsInCrlAndOcsp) {
    const auto issued = parse_json(issue(make_request("/CN=to be revoked")).body);
    const auto serial = text(issued, "serial");
    const auto file = save("revoked.pem", text(issued, "certificate"));
    const auto ask = [&] {
        const auto request = appliance->scratch("ocsp.req");
        const auto made = Appliance::openssl({"ocsp", "-issuer", authority(), "-cert", file.string(),
                                              "-reqout", request.string(), "-no_nonce"});
        EXPECT_EQ(made.code, 0) << made.output;
        const auto answer = HttpConnection(appliance->api_socket())
                                .send({.verb = "POST",
                                       .target = "/v1/ca/device.ca/ocsp",
                                       .body = read(request),
                                       .content_type = "application/ocsp-request"});
        EXPECT_EQ(answer.status, 200) << answer.body;
        return Appliance::openssl({"ocsp", "-respin", save("ocsp.resp", answer.body).string(), "-issuer",
                                   authority(), "-cert", file.string(), "-CAfile", authority()})
            .output;
    };
    const auto good = ask();
    EXPECT_NE(good.find("Response verify OK"), std::string::npos) << good;
    EXPECT_NE(good.find(": good"), std::string::npos) << good;

    const auto revoked = appliance->post("/v1/ca/device.ca/certificates/" + serial + "/revoke",
                                         R"({"reason":"keyCompromise"})");
    EXPECT_EQ(revoked.status, 200) << revoked.body;
    EXPECT_NE(ask().find(": revoked"), std::string::npos);

    const auto crl = appliance->get("/v1/ca/device.ca/crl");
    ASSERT_EQ(crl.status, 200);
    const auto crl_file = save("device.crl", crl.body);
    const auto shown = Appliance::openssl(
        {"crl", "-inform", "DER", "-in", crl_file.string(), "-CAfile", authority(), "-noout", "-text"});
    EXPECT_NE(shown.output.find("verify OK"), std::string::npos) << shown.output;
    std::string upper;
    for (const char c : serial)
        upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_NE(shown.output.find(upper), std::string::npos) << shown.output;
    EXPECT_EQ(
        appliance
            ->post("/v1/ca/device.ca/certificates/" + serial + "/revoke", R"({"reason":"keyCompromise"})")
            .status,
        409);
}

}  // namespace
}  // namespace signet::testing
