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

// The request for the listener's key, signed by a CA of the operator's own, takes effect at a reload.
TEST_F(Tls, ACertificateOfAnOwnCaIsServedWithoutARestart) {
    HttpConnection old;
    ASSERT_EQ(old.send(request("/v1/health/live")).status, 200);

    const auto csr = appliance_.scratch("server.csr").string();
    const auto asked = appliance_.ctl({"csr", "create", "tls.server", "--subject", "CN=localhost,O=Own",
                                       "--dns", "localhost", "--ip", "127.0.0.1", "--out", csr});
    ASSERT_EQ(asked.code, 0) << asked.output;
    const auto checked = Appliance::openssl({"req", "-in", csr, "-noout", "-verify", "-subject"});
    EXPECT_EQ(checked.code, 0) << checked.output;
    EXPECT_NE(checked.output.find("CN = localhost"), std::string::npos) << checked.output;
    const auto ca = appliance_.scratch("own-ca.pem").string();
    const auto ca_key = appliance_.scratch("own-ca.key").string();
    ASSERT_EQ(Appliance::openssl({"req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt",
                                  "ec_paramgen_curve:prime256v1", "-subj", "/CN=Own CA", "-days", "7",
                                  "-keyout", ca_key, "-out", ca})
                  .code,
              0);
    const auto certificate = appliance_.scratch("server.pem").string();
    const auto issued = Appliance::openssl({"x509", "-req", "-in", csr, "-CA", ca, "-CAkey", ca_key, "-days",
                                            "7", "-copy_extensions", "copy", "-out", certificate});
    ASSERT_EQ(issued.code, 0) << issued.output;
    std::ifstream file(certificate);
    appliance_.write("tls/server.pem", std::string((std::istreambuf_iterator<char>(file)), {}));
    appliance_.signal_daemon(SIGHUP);

    auto renewed = request("/v1/health/live");
    renewed.ca_file = ca;
    EXPECT_TRUE(eventually([&] { return HttpConnection().send(renewed).status == 200; }));
    // The connection from before goes on, and was not opened again: its certificate is trusted no more.
    EXPECT_EQ(old.send(request("/v1/health/live")).status, 200);
    EXPECT_EQ(HttpConnection().send(request("/v1/health/live")).status, 0);

    // A certificate of another key is refused, and what is served stays.
    appliance_.write("tls/server.pem", [&] {
        std::ifstream other(ca);
        return std::string((std::istreambuf_iterator<char>(other)), {});
    }());
    appliance_.signal_daemon(SIGHUP);
    EXPECT_TRUE(
        eventually([&] { return appliance_.log().find("daemon.reload.refused") != std::string::npos; }));
    EXPECT_EQ(HttpConnection().send(renewed).status, 200);
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
