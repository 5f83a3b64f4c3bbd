// Requests and answers as handlers see them, free of the library that moves the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace signet::http {

enum class Verb : std::uint8_t { get, head, post, put, patch, del, options };
std::string_view to_string(Verb verb);

// Names compare without case (RFC 9110 section 5.1); order and repetition are kept.
class Headers {
  public:
    void add(std::string name, std::string value) { entries_.emplace_back(std::move(name), std::move(value)); }
    // The first of that name; empty when absent.
    std::string_view get(std::string_view name) const;
    bool has(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    auto begin() const { return entries_.begin(); }
    auto end() const { return entries_.end(); }

  private:
    std::vector<std::pair<std::string, std::string>> entries_;
};

struct ClientCertificate {
    Bytes der;
    std::string subject;                  // RFC 4514
    std::string fingerprint;              // SHA-256 of the DER, lower-case hex
    std::vector<std::string> dns_names;   // subjectAltName
    std::vector<std::string> uris;
    std::vector<std::string> emails;
};

// Who is at the other end, as the transport proves it. Made once per connection.
struct Peer {
    std::string listener;  // its name in the configuration
    enum class Transport : std::uint8_t { unix_socket, tls, plain_tcp } transport = Transport::unix_socket;
    // Unix sockets: SO_PEERCRED and the groups of that user at connection time.
    std::optional<std::uint32_t> uid;
    std::vector<std::uint32_t> gids;
    std::optional<std::int32_t> pid;
    std::optional<ClientCertificate> certificate;  // TLS, verified against the listener's trust anchors
    std::string address;                           // "192.0.2.1:4711", or "uid=1000 pid=77"
};

struct RequestHead {
    Verb verb = Verb::get;
    std::string target;  // as sent, 8 KiB at most
    std::string path;    // target up to '?', still percent-encoded
    std::string query;   // after '?', still percent-encoded
    Headers headers;
    std::shared_ptr<const Peer> peer;
    std::string id;  // Signet-Request-Id of the answer, and in log and audit
};

struct Request : RequestHead {
    std::string body;
    SteadyTime deadline;
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace signet::http
