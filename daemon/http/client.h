// A small blocking HTTP/1.1 client over a Unix socket, TCP or TLS: for signetctl, the bench and outbound callbacks.
// One object is one keep-alive connection. No redirects, no proxies, no cookies, no decompression; no environment read.
#pragma once

#include <openssl/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address_prefix.h"
#include "base/error.h"
#include "daemon/http/message.h"

namespace signet::http {

// Where to connect, and how to know the right one is there.
struct Endpoint {
    static Endpoint unix_socket(std::filesystem::path path);
    static Endpoint tcp(std::string host, std::uint16_t port);
    // Verifies chain and name (RFC 9525) of the server; TLS 1.2 or newer.
    static Endpoint tls(std::string host, std::uint16_t port, std::string trust_anchors_pem);

    std::filesystem::path path;  // Unix socket; empty for TCP
    std::string host;            // name or numeric address; also the Host field
    std::uint16_t port = 0;
    bool use_tls = false;
    std::string trust_anchors_pem;
    bool system_trust = false;  // trust what the machine trusts, too (/etc/ssl/certs)
    // An HTTP proxy that is asked to CONNECT (RFC 9110 section 9.3.6); for TLS only. Empty: none.
    std::string proxy_host{};
    std::uint16_t proxy_port = 0;
    // Refuses addresses that are not public (is_public_address) unless one of `permitted` has them: for destinations that
    // somebody else names. Looked at after the name was resolved, so that a name cannot hide an address;
    // a proxy is then asked for the address, not for the name.
    bool public_only = false;
    std::vector<AddressPrefix> permitted{};
    // Client authentication, optional. Both or none; they outlive the client.
    EVP_PKEY* client_key = nullptr;
    std::string client_certificate_pem;
    OSSL_LIB_CTX* library = nullptr;  // null: the default context
};

struct ClientLimits {
    std::chrono::milliseconds connect_time{
        5'000};  // connect and TLS handshake; the resolver has limits of its own
    std::chrono::milliseconds request_time{30'000};  // from the first byte sent to the last one read
    std::size_t header_bytes = std::size_t{64} << 10;
    std::size_t body_bytes = std::size_t{64} << 20;
};

using ClientHeaders = std::vector<std::pair<std::string, std::string>>;

struct ClientResponse {
    unsigned status = 0;
    Headers headers;
    std::string body;
};

// Not for several threads at once; see ClientPool.
class Client {
  public:
    explicit Client(Endpoint endpoint, ClientLimits limits = {});
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    // Connects if need be, sends, and reads one answer. An answer of any status is a value. `content_type` is sent when
    // there is a body. A connection that the server closed while it was idle is opened again before anything is sent;
    // after that nothing is repeated: a request that failed half-way may have been done.
    // Errors: not_found (no socket file), permission_denied (socket file or TLS trust), failed_precondition (public_only),
    // overloaded (nobody accepts), deadline_exceeded, too_large (answer), invalid_argument (bad header or target),
    // cancelled (the server went away), internal (the answer is not HTTP).
    Result<ClientResponse> send(Verb verb, std::string_view target, std::string_view body = {},
                                std::string_view content_type = "application/json",
                                const ClientHeaders& headers = {});
    Result<ClientResponse> get(std::string_view target) { return send(Verb::get, target); }
    Result<ClientResponse> post(std::string_view target, std::string_view body,
                                std::string_view content_type = "application/json") {
        return send(Verb::post, target, body, content_type);
    }

    bool connected() const;
    void close();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// Clients of one endpoint, shared by threads: each request takes an idle connection or opens one.
class ClientPool {
  public:
    ClientPool(Endpoint endpoint, ClientLimits limits, std::size_t max_idle = 8)
        : endpoint_(std::move(endpoint)), limits_(limits), max_idle_(max_idle) {}
    // As Client::send.
    Result<ClientResponse> send(Verb verb, std::string_view target, std::string_view body = {},
                                std::string_view content_type = "application/json",
                                const ClientHeaders& headers = {});

  private:
    const Endpoint endpoint_;
    const ClientLimits limits_;
    const std::size_t max_idle_;
    std::mutex mutex_;
    std::vector<Client> idle_;
};

}  // namespace signet::http
