#include "daemon/api/reach.h"

#include <poll.h>
#include <sys/socket.h>

#include <fstream>
#include <thread>

#include "daemon/api/outbound.h"
#include "daemon/http/server.h"
#include "tests/daemon/http/raw_socket.h"
#include "tests/daemon/http/test_application.h"
#include "tests/daemon/http/test_pki.h"
#include "tests/daemon/service/service_fixture.h"

namespace signet::api {
namespace {

using service::must;

TEST(ReachUrl, IsReadStrictly) {
    const auto plain = parse_url("https://Example.com/a/b?c=d");
    ASSERT_TRUE(plain);
    EXPECT_TRUE(plain->tls);
    EXPECT_EQ(plain->host, "Example.com");
    EXPECT_EQ(plain->port, 443);
    EXPECT_EQ(plain->target, "/a/b?c=d");
    EXPECT_EQ(parse_url("http://a.example")->target, "/");
    EXPECT_EQ(parse_url("http://a.example")->port, 80);
    EXPECT_EQ(parse_url("https://a.example?x=1")->target, "/?x=1");
    EXPECT_EQ(parse_url("https://[2001:db8::1]:8443/")->host, "2001:db8::1");
    EXPECT_EQ(parse_url("https://[2001:db8::1]:8443/")->port, 8443);
    for (const std::string wrong :
         {"", "clinic.com", "//clinic.com/", "ftp://clinic.com/", "file:///etc/passwd", "https://",
          "https:///path", "https://user@clinic.com/", "https://user:pass@clinic.com/",
          "https://clinic.com/#part", "https://clinic.com:0/", "https://clinic.com:99999/",
          "https://clinic.com/a b", "https://cli nic.com/", "https://clinic%20.com/",
          "https://clinic%00.com/", "https://clinic.com/\r\nX: y"}) {
        const auto url = parse_url(wrong);
        ASSERT_FALSE(url) << wrong;
        EXPECT_EQ(url.error().code, ErrorCode::invalid_argument);
    }
    EXPECT_FALSE(parse_url("https://clinic.com/" + std::string(2048, 'a')));
}

class ReachTest : public service::ServiceTest {
  protected:
    ReachTest() {
        std::ofstream(directory / "ca.pem") << ca.pem();
        auto context = http::TlsContext::create({.library = nullptr,
                                                 .key = server_identity.key.get(),
                                                 .certificate_chain_pem = chain,
                                                 .client_ca_pem = {},
                                                 .client_certificate = http::ClientCertificateMode::none,
                                                 .allow_tls12 = false});
        auto started =
            http::Server::start({{"plain", http::TcpSocket{"127.0.0.1", 0}, nullptr, 0},
                                 {"tls", http::TcpSocket{"127.0.0.1", 0}, must(std::move(context)), 0}},
                                application, {});
        server = must(std::move(started));
    }
    config::Outbound settings() const {
        config::Outbound out;
        out.name = "momo";
        out.trust = {directory / "ca.pem"};
        return out;
    }
    static std::vector<AddressPrefix> loopback() { return {*AddressPrefix::parse("127.0.0.0/8")}; }
    Reach reach(const config::Outbound& one, const std::string& name = "momo") {
        return Reach(must(Outbound::load({{name, one}}, *library, *keys)));
    }
    std::string url(const std::string& scheme, const std::string& host = "127.0.0.1") const {
        return scheme + "://" + host + ":" +
               std::to_string(*server->port(scheme == "http" ? "plain" : "tls")) + "/echo";
    }
    static sqlite::OutboxMessage message(const std::string& to) {
        return {
            .destination = "d", .kind = "momo.callback", .verb = "PUT", .url = to, .body = to_bytes("hello")};
    }

    http::TestIdentity ca = http::make_identity("Test CA", "");
    http::TestIdentity server_identity = http::make_identity("localhost", "DNS:localhost,IP:127.0.0.1", &ca);
    std::string chain = server_identity.pem() + ca.pem();
    http::TestApplication application;
    std::unique_ptr<http::Server> server;
};

TEST_F(ReachTest, DeliversOverTlsToWhatIsPermitted) {
    auto permitted = settings();
    permitted.private_addresses = loopback();
    const auto by = reach(permitted);
    for (const auto* host : {"127.0.0.1", "localhost"}) {
        const auto reply = send_message(by, message(url("https", host)));
        ASSERT_TRUE(reply) << reply.error().message;
        EXPECT_EQ(reply->status, 200U);
        EXPECT_EQ(reply->body, "hello");
    }
    EXPECT_EQ(application.handled, 2);
}

TEST_F(ReachTest, PrivateAddressesAreRefusedAlsoBehindNames) {
    auto narrow = settings();
    const auto by = reach(narrow);
    // Numeric: when it is registered, and when it is sent.
    const auto registered = by.check("momo", url("https"));
    ASSERT_FALSE(registered);
    EXPECT_EQ(registered.error().code, ErrorCode::permission_denied);
    // A name cannot be judged before it is resolved.
    EXPECT_TRUE(by.check("momo", url("https", "localhost")));
    for (const auto* host :
         {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "0.0.0.0", "0x7f000001"}) {
        const auto reply = send_message(by, message(url("https", host)));
        ASSERT_FALSE(reply) << host;
        EXPECT_EQ(reply.error().code, ErrorCode::permission_denied) << host << ": " << reply.error().message;
    }
    narrow.private_addresses = {*AddressPrefix::parse("10.0.0.0/8")};
    EXPECT_FALSE(send_message(reach(narrow), message(url("https", "localhost"))))
        << "another network is another";
    EXPECT_EQ(application.admitted, 0);
}

TEST_F(ReachTest, PlainHttpIsRefusedUnlessPermitted) {
    auto one = settings();
    one.private_addresses = loopback();
    const auto refused = send_message(reach(one), message(url("http")));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
    one.plain_http = true;
    const auto reply = send_message(reach(one), message(url("http")));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->body, "hello");
    one.private_addresses.clear();
    EXPECT_FALSE(send_message(reach(one), message(url("http", "localhost"))));
}

TEST_F(ReachTest, AServerThatIsNotTrustedMayRenewItsCertificate) {
    auto one = settings();
    one.private_addresses = loopback();
    const auto other = http::make_identity("Other CA", "");
    std::ofstream(directory / "ca.pem") << other.pem();
    const auto reply = send_message(reach(one), message(url("https")));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::cancelled) << "a later try may succeed: no dead letter";
    EXPECT_EQ(application.handled, 0);
}

TEST_F(ReachTest, WithoutAnEntryItWaitsForOne) {
    const auto by = reach(settings(), "mosip");
    const auto reply = send_message(by, message("https://clinic.example/"));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::failed_precondition);
    // `default` is for those that have none of their own.
    auto one = settings();
    one.private_addresses = loopback();
    EXPECT_TRUE(send_message(reach(one, "default"), message(url("https"))));
}

TEST_F(ReachTest, ALaterConfigurationRulesTheNextRequest) {
    auto one = settings();
    auto by = reach(one);
    EXPECT_FALSE(send_message(by, message(url("https", "localhost"))));
    one.private_addresses = loopback();
    by.replace(must(Outbound::load({{"momo", one}}, *library, *keys)));
    EXPECT_TRUE(send_message(by, message(url("https", "localhost"))));
}

TEST_F(ReachTest, MalformedMessagesAreRefusedForGood) {
    auto one = settings();
    one.private_addresses = loopback();
    const auto by = reach(one);
    auto wrong = message(url("https"));
    wrong.verb = "DELETE";
    auto headers = message(url("https"));
    headers.headers = "X-One: 1\r\nno colon\r\n";
    for (const auto& each : {wrong, headers, message("nonsense")}) {
        const auto reply = send_message(by, each);
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().code, ErrorCode::permission_denied);
    }
    headers.headers = "Content-Type: text/plain\r\nX-One: 1\r\n";
    EXPECT_TRUE(send_message(by, headers));
}

// A proxy resolves names itself: it is asked for the address that was looked at, and for no private one.
TEST_F(ReachTest, AProxyIsNoWayAroundTheRule) {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(listener.get(), 4), 0);
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    auto one = settings();
    one.proxy_host = "127.0.0.1";
    one.proxy_port = ntohs(address.sin_port);
    for (const auto* host : {"127.0.0.1", "localhost", "[::1]"}) {
        const auto reply = send_message(reach(one), message(url("https", host)));
        ASSERT_FALSE(reply) << host;
        EXPECT_EQ(reply.error().code, ErrorCode::permission_denied) << host << ": " << reply.error().message;
    }
    pollfd waiting{listener.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 0), 0) << "the proxy was not even asked";

    one.private_addresses = loopback();
    std::string asked;
    std::thread proxy([&] {
        const UniqueFd client(::accept(listener.get(), nullptr, nullptr));
        char byte = 0;
        while (!asked.ends_with("\r\n\r\n") && ::recv(client.get(), &byte, 1, 0) == 1)
            asked += byte;
        constexpr std::string_view kNo = "HTTP/1.1 403 Forbidden\r\n\r\n";
        ::send(client.get(), kNo.data(), kNo.size(), MSG_NOSIGNAL);
    });
    EXPECT_FALSE(send_message(reach(one), message(url("https", "localhost"))));
    proxy.join();
    EXPECT_TRUE(asked.starts_with("CONNECT 127.0.0.1:")) << asked;
}

TEST(PublicAddress, KnowsTheSpecialNetworks) {
    for (const auto* address :
         {"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"})
        EXPECT_TRUE(is_public_address(address)) << address;
    for (const auto* address : {"127.0.0.1",
                                "10.0.0.1",
                                "172.16.0.1",
                                "172.31.255.255",
                                "192.168.1.1",
                                "169.254.169.254",
                                "100.64.0.1",
                                "0.0.0.0",
                                "224.0.0.1",
                                "255.255.255.255",
                                "::",
                                "::1",
                                "fe80::1",
                                "fc00::1",
                                "fd12::1",
                                "ff02::1",
                                "::ffff:8.8.8.8",
                                "::ffff:10.0.0.1",
                                "64:ff9b::a00:1",
                                "2002:a00:1::",
                                "2001:db8::1",
                                "nonsense",
                                "",
                                "8.8.8.8/32"})
        EXPECT_FALSE(is_public_address(address)) << address;
}

}  // namespace
}  // namespace signet::api
