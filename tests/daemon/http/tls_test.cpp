// TLS with software keys: versions, client certificates, reload.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <future>

#include "base/digest.h"
#include "base/encoding.h"
#include "daemon/http/client.h"
#include "daemon/http/server.h"
#include "tests/daemon/http/raw_socket.h"
#include "tests/daemon/http/test_application.h"
#include "tests/daemon/http/test_pki.h"
#include "tests/support/process.h"

namespace signet::http {
namespace {

using namespace std::chrono_literals;

const TestIdentity& ca() {
    static const auto identity = make_identity("Test CA", "");
    return identity;
}

class TlsTest : public ::testing::Test {
  protected:
    Result<std::shared_ptr<const TlsContext>> make_context(ClientCertificateMode mode,
                                                           bool allow_tls12 = false) {
        const auto chain = server_identity.pem() + ca().pem();
        const auto anchors = mode == ClientCertificateMode::none ? std::string() : ca().pem();
        return TlsContext::create({.library = nullptr,
                                   .key = server_identity.key.get(),
                                   .certificate_chain_pem = chain,
                                   .client_ca_pem = anchors,
                                   .client_certificate = mode,
                                   .allow_tls12 = allow_tls12});
    }
    void start(ClientCertificateMode mode, bool allow_tls12 = false, const Limits& limits = {}) {
        auto context = make_context(mode, allow_tls12);
        ASSERT_TRUE(context) << context.error().message << context.error().detail;
        auto started = Server::start({{"tls", TcpSocket{"127.0.0.1", 0}, *context, 0}}, application, limits);
        ASSERT_TRUE(started) << started.error().message;
        server = *std::move(started);
    }
    Endpoint endpoint() const { return Endpoint::tls("localhost", *server->port("tls"), ca().pem()); }
    Endpoint endpoint(const TestIdentity& identity) const {
        auto out = endpoint();
        out.client_key = identity.key.get();
        out.client_certificate_pem = identity.pem();
        return out;
    }
    // Empty when the handshake and a request succeed with this version, else what went wrong.
    std::string try_version(int version, bool offer_h2_only = false) const {
        auto socket = RawSocket::tcp(*server->port("tls"));
        SSL_CTX* context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_max_proto_version(context, version);
        SSL_CTX_set_min_proto_version(context, version);
        SSL* ssl = SSL_new(context);
        if (offer_h2_only) SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>("\x02h2"), 3);
        SSL_set_fd(ssl, socket.fd());
        const bool connected = SSL_connect(ssl) == 1;
        SSL_free(ssl);
        SSL_CTX_free(context);
        return connected ? "" : "refused";
    }

    TestIdentity server_identity = make_identity("localhost", "DNS:localhost,IP:127.0.0.1", &ca());
    TestIdentity client_identity = make_identity(
        "till 7", "DNS:till7.example,URI:spiffe://example/till/7,email:till@example.com", &ca());
    TestApplication application;
    std::unique_ptr<Server> server;
};

TEST_F(TlsTest, ServesWithoutClientCertificates) {
    start(ClientCertificateMode::none);
    Client client(endpoint());
    for (int i = 0; i < 3; ++i) {
        const auto answer = client.get("/hello");
        ASSERT_TRUE(answer) << answer.error().message << answer.error().detail;
        EXPECT_EQ(answer->body, "hello");
        EXPECT_TRUE(client.connected());
    }
    EXPECT_EQ(client.get("/big")->body.size(), std::size_t{1} << 20);
    EXPECT_EQ(client.post("/echo", std::string(60'000, 'x'))->body.size(), 60'000U);
    EXPECT_EQ(server->load().tls_connections, 1U);
}

TEST_F(TlsTest, TellsWhoTheClientIs) {
    start(ClientCertificateMode::required);
    Client client(endpoint(client_identity));
    const auto answer = client.get("/peer");
    ASSERT_TRUE(answer) << answer.error().message << answer.error().detail;
    unsigned char* der = nullptr;
    const auto size = static_cast<std::size_t>(i2d_X509(client_identity.certificate.get(), &der));
    const auto fingerprint = to_hex(sha256({der, size}));
    OPENSSL_free(der);
    EXPECT_EQ(answer->body, "tls\nsubject=CN=till 7,O=Signet tests\nfingerprint=" + fingerprint +
                                "\ndns=till7.example\nuri=spiffe://example/till/7\nemail=till@example.com\n");
}

TEST_F(TlsTest, RefusesClientsWithoutAGoodCertificate) {
    start(ClientCertificateMode::required);
    const auto other_ca = make_identity("Other CA", "");
    const auto stranger = make_identity("stranger", "DNS:stranger", &other_ca);
    const auto expired = make_identity("expired", "DNS:expired", &ca(), true);
    EXPECT_FALSE(Client(endpoint()).get("/hello"));
    EXPECT_FALSE(Client(endpoint(stranger)).get("/hello"));
    EXPECT_FALSE(Client(endpoint(expired)).get("/hello"));
    EXPECT_TRUE(Client(endpoint(client_identity)).get("/hello"));
    EXPECT_EQ(application.admitted, 1);
    EXPECT_EQ(server->load().failed_handshakes, 3U);
}

TEST_F(TlsTest, OptionalCertificatesMustBeGoodToo) {
    start(ClientCertificateMode::optional);
    const auto other_ca = make_identity("Other CA", "");
    EXPECT_EQ(Client(endpoint()).get("/peer")->body, "tls\n");
    EXPECT_NE(Client(endpoint(client_identity)).get("/peer")->body.find("subject="), std::string::npos);
    EXPECT_FALSE(Client(endpoint(make_identity("stranger", "DNS:stranger", &other_ca))).get("/peer"));
}

TEST_F(TlsTest, SpeaksTls13OnlyUnlessToldOtherwise) {
    start(ClientCertificateMode::none);
    EXPECT_EQ(try_version(TLS1_3_VERSION), "");
    EXPECT_EQ(try_version(TLS1_2_VERSION), "refused");
    EXPECT_EQ(try_version(TLS1_3_VERSION, true), "refused");  // HTTP/2 alone
    server.reset();
    start(ClientCertificateMode::none, true);
    EXPECT_EQ(try_version(TLS1_3_VERSION), "");
    EXPECT_EQ(try_version(TLS1_2_VERSION), "");
    EXPECT_EQ(try_version(TLS1_1_VERSION), "refused");
}

TEST_F(TlsTest, CurlUnderstandsIt) {
    start(ClientCertificateMode::none);
    ::signet::testing::TempDirectory directory;
    const auto anchors = directory.write("ca.pem", ca().pem(), 0644);
    ::signet::testing::ChildProcess::Options options;
    options.as_service_user = false;
    const auto url = "https://localhost:" + std::to_string(*server->port("tls"));
    const auto ended = ::signet::testing::run({"/usr/bin/curl", "-sS", "--noproxy", "*", "--max-time", "20",
                                               "--cacert", anchors.string(), url + "/hello", url + "/hello"},
                                              options);
    EXPECT_EQ(ended.output, "hellohello");
}

TEST_F(TlsTest, TheClientChecksTheServer) {
    start(ClientCertificateMode::none);
    auto wrong_name = Endpoint::tls("127.0.0.1", *server->port("tls"), ca().pem());
    EXPECT_TRUE(Client(wrong_name).get("/hello"));  // an address is a name too, if the certificate has it
    const auto other_ca = make_identity("Other CA", "");
    auto untrusted = endpoint();
    untrusted.trust_anchors_pem = other_ca.pem();
    EXPECT_EQ(Client(untrusted).get("/hello").error().code, ErrorCode::permission_denied);
    server.reset();
    server_identity = make_identity("elsewhere", "DNS:elsewhere.example", &ca());
    start(ClientCertificateMode::none);
    EXPECT_EQ(Client(endpoint()).get("/hello").error().code, ErrorCode::permission_denied);
    auto no_anchors = endpoint();
    no_anchors.trust_anchors_pem.clear();
    EXPECT_EQ(Client(no_anchors).get("/hello").error().code, ErrorCode::invalid_argument);
}

TEST_F(TlsTest, NewConnectionsUseAReplacedContext) {
    start(ClientCertificateMode::none);
    Client before(endpoint());
    ASSERT_TRUE(before.get("/hello"));
    const auto required = make_context(ClientCertificateMode::required);
    ASSERT_TRUE(server->replace_tls("tls", *required));
    EXPECT_TRUE(before.get("/hello"));
    EXPECT_FALSE(Client(endpoint()).get("/hello"));
    EXPECT_TRUE(Client(endpoint(client_identity)).get("/hello"));
    EXPECT_EQ(server->replace_tls("none", *required).error().code, ErrorCode::not_found);
}

TEST_F(TlsTest, AStalledHandshakeHoldsUpNobodyAndEnds) {
    start(ClientCertificateMode::none, false, {.handshake_time = 1s});
    auto stalled = RawSocket::tcp(*server->port("tls"));
    stalled.send("\x16\x03\x01");
    EXPECT_TRUE(Client(endpoint()).get("/hello"));
    EXPECT_TRUE(stalled.ends());
    auto plain = RawSocket::tcp(*server->port("tls"));
    plain.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(plain.read_to_end().find("200 OK"), std::string::npos);
}

TEST_F(TlsTest, SlowHandshakesGiveWayWhenThereAreTooMany) {
    start(ClientCertificateMode::none, false, {.handshake_time = 60s, .tls_handshakes = 2});
    auto one = RawSocket::tcp(*server->port("tls"));
    auto two = RawSocket::tcp(*server->port("tls"));
    ASSERT_TRUE(testing::eventually([&] { return server->load().tls_handshakes == 2; }));
    EXPECT_TRUE(testing::eventually([&] { return Client(endpoint()).get("/hello").has_value(); }));
    EXPECT_TRUE(one.ends());
}

TEST_F(TlsTest, HasItsOwnQuota) {
    start(ClientCertificateMode::none, false, {.tls_connections = 1});
    Client first(endpoint());
    ASSERT_TRUE(first.get("/hello"));
    EXPECT_FALSE(Client(endpoint()).get("/hello"));
    EXPECT_TRUE(first.get("/hello"));
}

TEST_F(TlsTest, Drains) {
    start(ClientCertificateMode::none);
    Client client(endpoint());
    ASSERT_TRUE(client.get("/hello"));
    auto stalled = RawSocket::tcp(*server->port("tls"));
    ASSERT_TRUE(testing::eventually([&] { return server->load().tls_handshakes == 1; }));
    EXPECT_TRUE(server->drain());
    EXPECT_TRUE(stalled.ends());
    EXPECT_FALSE(client.get("/hello"));
}

TEST_F(TlsTest, RefusesSettingsThatDoNotFit) {
    const auto chain = server_identity.pem();
    const auto code = [](const TlsSettings& settings) {
        const auto made = TlsContext::create(settings);
        return made ? std::string("made")
                    : std::string(to_string(made.error().code)) + ": " + made.error().message;
    };
    auto* key = server_identity.key.get();
    const auto none = ClientCertificateMode::none;
    EXPECT_EQ(code({.key = key, .certificate_chain_pem = chain, .client_certificate = none}), "made");
    EXPECT_NE(
        code({.key = key, .certificate_chain_pem = "", .client_certificate = none}).find("no certificate"),
        std::string::npos);
    EXPECT_NE(code({.key = key, .certificate_chain_pem = chain}).find("trust anchor"), std::string::npos);
    EXPECT_NE(
        code({.key = client_identity.key.get(), .certificate_chain_pem = chain, .client_certificate = none})
            .find("not for the TLS key"),
        std::string::npos);
    const std::string broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    EXPECT_NE(code({.key = key, .certificate_chain_pem = chain + broken, .client_certificate = none})
                  .find("number 2"),
              std::string::npos);
    EXPECT_NE(
        code({.key = key, .certificate_chain_pem = chain, .client_ca_pem = chain, .client_certificate = none})
            .find("not asked for"),
        std::string::npos);
}

}  // namespace
}  // namespace signet::http
