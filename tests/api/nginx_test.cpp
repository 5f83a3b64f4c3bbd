// The snippet of docs/momo-protocol.md, run by Debian's nginx in front of a wallet.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <sstream>

#include "base/unique_fd.h"
#include "tests/api/json.h"

namespace signet::testing {
namespace {

constexpr const char* kNginx = "/usr/sbin/nginx";

std::string snippet() {
    std::ifstream file(std::string(SIGNET_SOURCE_ROOT) + "/docs/momo-protocol.md");
    std::ostringstream text;
    text << file.rdbuf();
    const auto all = text.str();
    const auto start = all.find("```nginx\n");
    const auto end = all.find("```", start + 9);
    return start == std::string::npos || end == std::string::npos ? ""
                                                                  : all.substr(start + 9, end - start - 9);
}

unsigned free_port() {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

TEST(Nginx, AsksTheApplianceAboutEachRequest) {
    if (!std::filesystem::exists(kNginx)) GTEST_SKIP() << "nginx is not installed";
    ASSERT_FALSE(snippet().empty());
    Appliance appliance(Appliance::Options{.families = {"momo"}});
    const auto port = free_port();
    const auto wallet = free_port();
    const TempDirectory directory;
    const auto at = directory.path().string();
    std::ofstream(directory / "nginx.conf")
        << "daemon off; pid " << at << "/pid; error_log " << at << "/error.log;\n"
        << (::geteuid() == 0 ? "user root;\n" : "") << "events {}\nhttp {\naccess_log off;\n"
        << "client_body_temp_path " << at << "/body; proxy_temp_path " << at << "/proxy; fastcgi_temp_path "
        << at << "/f; uwsgi_temp_path " << at << "/u; scgi_temp_path " << at << "/s;\n"
        << "upstream signet { server unix:" << appliance.api_socket().string() << "; }\n"
        << "upstream wallet { server 127.0.0.1:" << wallet << "; }\n"
        << "server { listen 127.0.0.1:" << wallet
        << "; location / { return 200 \"$http_x_momo_user [$http_authorization] $request_method "
           "$request_uri\"; } }\n"
        << "server { listen 127.0.0.1:" << port << ";\n"
        << snippet() << "} }\n";
    ChildProcess nginx({kNginx, "-p", at, "-c", at + "/nginx.conf", "-e", at + "/error.log"});
    const auto ask = [&](std::vector<std::string> headers, const std::string& verb = "GET",
                         const std::string& body = "") {
        HttpConnection connection;
        return connection.send({.verb = verb,
                                .target = "/collection/v1_0/requesttopay",
                                .body = body,
                                .headers = std::move(headers),
                                .url_base = "http://127.0.0.1:" + std::to_string(port)});
    };
    ASSERT_TRUE(eventually([&] { return ask({}).status != 0; }, std::chrono::seconds(30)));

    const auto subscription =
        expect_json(appliance.admin({.verb = "POST",
                                     .target = "/v1/momo/subscriptions",
                                     .body = R"({"merchant":"shop","product":"collection"})"}),
                    201);
    const auto user =
        text(expect_json(appliance.admin({.verb = "POST",
                                          .target = "/v1/momo/users",
                                          .body = R"({"merchant":"shop","callback_host":"clinic.com"})"}),
                         201),
             "id");
    const auto key = text(
        expect_json(appliance.admin({.verb = "POST", .target = "/v1/momo/users/" + user + "/apikey"}), 201),
        "api_key");
    const auto subscription_key = "Ocp-Apim-Subscription-Key: " + text(subscription, "primary_key");
    const auto token =
        text(expect_json(appliance.post(
                 "/collection/token/", "",
                 {subscription_key, "Authorization: Basic " + to_base64(as_bytes(user + ":" + key))})),
             "access_token");

    EXPECT_EQ(ask({}).status, 401);
    EXPECT_EQ(ask({"Authorization: Bearer nonsense"}).status, 401);
    EXPECT_EQ(ask({"X-Momo-User: somebody"}).status, 401);
    const auto passed = ask({"Authorization: Bearer " + token, "X-Momo-User: somebody"});
    EXPECT_EQ(passed.status, 200) << passed.body;
    EXPECT_EQ(passed.body, user + " [] GET /collection/v1_0/requesttopay")
        << "the wallet sees who it is, and no token";
    const auto posted =
        ask({"Authorization: Bearer " + token, subscription_key}, "POST", R"({"amount":"5"})");
    EXPECT_EQ(posted.status, 200) << posted.body;
    EXPECT_EQ(posted.body, user + " [] POST /collection/v1_0/requesttopay");
    EXPECT_EQ(ask({"Authorization: Bearer " + token, "Ocp-Apim-Subscription-Key: wrong"}).status, 401);
    EXPECT_EQ(appliance.ctl({"momo", "revoke-key", user}).code, 0);
    EXPECT_EQ(ask({"Authorization: Bearer " + token}).status, 401) << "a revoked key's token is void at once";
    nginx.signal(SIGTERM);
    EXPECT_TRUE(nginx.wait(std::chrono::seconds(20)));
}

}  // namespace
}  // namespace signet::testing
