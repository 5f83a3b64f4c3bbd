#include <csignal>
#include <fstream>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

class Tls : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto made = Appliance::openssl(
            {"req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj",
             "/CN=client", "-addext", "subjectAltName=DNS:client.example", "-keyout",
             appliance_.scratch("client.key").string(), "-out", appliance_.scratch("client.csr").string()});
        ASSERT_EQ(made.code, 0) << made.output;
        std::ifstream file(appliance_.scratch("client.csr"));
        const std::string csr((std::istreambuf_iterator<char>(file)), {});
        const auto issued =
            appliance_.post("/v1/ca/device.ca/certificates",
                            json::serialize(json::object{{"csr", csr}, {"profile", "device"}}));
        std::ofstream(appliance_.scratch("client.pem")) << text(parse_json(issued.body), "certificate");
    }
    HttpRequest request(const std::string& target, bool with_certificate = true) const {
        HttpRequest request{.target = target,
                            .url_base = "https://localhost:" + std::to_string(appliance_.tls_port()),
                            .ca_file = appliance_.path("ca/device.ca.pem")};
        if (with_certificate) {
            request.certificate_file = appliance_.scratch("client.pem");
            request.key_file = appliance_.scratch("client.key");
        }
        return request;
    }
    Appliance appliance_{{.tls = true}};
};

TEST_F(Tls, ACertificateIsNoPrincipalUntilThePolicySaysSo) {
    HttpConnection connection;
    expect_problem(connection.send(request("/v1/keys")), 401, "unauthenticated");
    appliance_.edit("policy.yaml", "principals:\n",
                    "principals:\n  till:\n    sans: [\"dns:client.example\"]\n");
    appliance_.edit(
        "policy.yaml", "rules:\n",
        "rules:\n  - { name: till, allow: till, permissions: [keys.sign], keys: [document.ec] }\n");
    appliance_.signal_daemon(SIGHUP);
    auto sign = request("/v1/keys/document.ec/sign");
    sign.verb = "POST";
    sign.body = sign_body("ES256", "over TLS");
    EXPECT_TRUE(eventually([&] { return connection.send(sign).status == 200; }));
    expect_problem(connection.send(request("/v1/keys")), 403, "permission_denied");
    // JSON only: a browser cannot send it across sites without asking.
    sign.content_type = "text/plain";
    EXPECT_EQ(connection.send(sign).status, 400);
}

TEST_F(Tls, NoCertificateNoConnection) {
    const auto answer = HttpConnection().send(request("/v1/health/live", false));
    EXPECT_EQ(answer.status, 0) << answer.body;
}

TEST_F(Tls, OldProtocolsAreRefused) {
    const auto tried =
        Appliance::openssl({"s_client", "-connect", "127.0.0.1:" + std::to_string(appliance_.tls_port()),
                            "-tls1_2", "-CAfile", appliance_.path("ca/device.ca.pem").string()});
    EXPECT_NE(tried.code, 0);
}

}  // namespace
}  // namespace signet::testing
