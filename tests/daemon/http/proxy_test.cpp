// TLS through a proxy that is asked to CONNECT.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <thread>

#include "daemon/http/client.h"
#include "daemon/http/server.h"
#include "tests/daemon/http/raw_socket.h"
#include "tests/daemon/http/test_application.h"
#include "tests/daemon/http/test_pki.h"

namespace signet::http {
namespace {

// A listening socket on the loopback, and its port.
std::pair<UniqueFd, std::uint16_t> listen_anywhere() {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd.get(), 8), 0);
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return {std::move(fd), ntohs(address.sin_port)};
}

// Serves one connection: reads the header, answers `answer`, and joins it to `target` when that is not 0.
class Proxy {
  public:
    Proxy(std::string answer, std::uint16_t target) : answer_(std::move(answer)), target_(target) {
        std::tie(listener_, port) = listen_anywhere();
        thread_ = std::thread([this] { serve(); });
    }
    ~Proxy() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    std::uint16_t port = 0;
    std::string request;  // once the client has its answer

  private:
    void serve() {
        const UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
        if (!client) return;
        char byte = 0;
        while (!request.ends_with("\r\n\r\n") && ::recv(client.get(), &byte, 1, 0) == 1)
            request += byte;
        ::send(client.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
        if (target_ == 0) return;
        const auto server = RawSocket::tcp(target_);
        std::array<pollfd, 2> ends{{{client.get(), POLLIN, 0}, {server.fd(), POLLIN, 0}}};
        std::array<char, 16384> buffer{};
        while (::poll(ends.data(), ends.size(), 10'000) > 0) {
            for (std::size_t i = 0; i < 2; ++i) {
                if (ends[i].revents == 0) continue;
                const auto size = ::recv(ends[i].fd, buffer.data(), buffer.size(), 0);
                if (size <= 0) return;
                ::send(ends[1 - i].fd, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
            }
        }
    }

    std::string answer_;
    std::uint16_t target_;
    UniqueFd listener_;
    std::thread thread_;
};

class ProxyTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto chain = server_identity.pem() + ca.pem();
        auto context = TlsContext::create({.library = nullptr,
                                           .key = server_identity.key.get(),
                                           .certificate_chain_pem = chain,
                                           .client_ca_pem = {},
                                           .client_certificate = ClientCertificateMode::none,
                                           .allow_tls12 = false});
        ASSERT_TRUE(context) << context.error().message;
        auto started = Server::start({{"tls", TcpSocket{"127.0.0.1", 0}, *context, 0}}, application, {});
        ASSERT_TRUE(started) << started.error().message;
        server = *std::move(started);
    }
    Endpoint endpoint(const Proxy& proxy) const {
        auto out = Endpoint::tls("localhost", *server->port("tls"), ca.pem());
        out.proxy_host = "127.0.0.1";
        out.proxy_port = proxy.port;
        return out;
    }

    TestIdentity ca = make_identity("Test CA", "");
    TestIdentity server_identity = make_identity("localhost", "DNS:localhost", &ca);
    TestApplication application;
    std::unique_ptr<Server> server;
};

TEST_F(ProxyTest, IsAskedToConnectAndTlsStaysEndToEnd) {
    const auto port = *server->port("tls");
    Proxy proxy("HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n", port);
    Client client(endpoint(proxy));
    for (int i = 0; i < 2; ++i) {
        const auto answer = client.get("/hello");
        ASSERT_TRUE(answer) << answer.error().message << answer.error().detail;
        EXPECT_EQ(answer->body, "hello");
    }
    const auto target = "localhost:" + std::to_string(port);
    EXPECT_EQ(proxy.request, "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n");
}

TEST_F(ProxyTest, ThatRefusesIsNamed) {
    Proxy proxy("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", 0);
    const auto answer = Client(endpoint(proxy)).get("/hello");
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().message.find("127.0.0.1 port " + std::to_string(proxy.port)), std::string::npos);
    EXPECT_NE(answer.error().message.find("407"), std::string::npos) << answer.error().message;
}

TEST_F(ProxyTest, ThatDoesNotSpeakHttpIsRefused) {
    for (const auto* nonsense :
         {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nmore than was asked for", ""}) {
        Proxy proxy(nonsense, 0);
        const auto answer = Client(endpoint(proxy)).get("/hello");
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, ErrorCode::cancelled) << answer.error().message;
    }
    Proxy proxy(std::string(20'000, 'x'), 0);
    EXPECT_FALSE(Client(endpoint(proxy)).get("/hello"));
}

TEST_F(ProxyTest, IsForTlsAlone) {
    Proxy proxy("HTTP/1.1 200 OK\r\n\r\n", 0);
    auto plain = Endpoint::tcp("127.0.0.1", 1);
    plain.proxy_host = "127.0.0.1";
    plain.proxy_port = proxy.port;
    const auto answer = Client(plain).get("/hello");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace signet::http
