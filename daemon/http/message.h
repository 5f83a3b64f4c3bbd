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
std::string_view to_string(Verb verb);  // "GET"
// Methods are case-sensitive (RFC 9110 section 9.1); nullopt for any that is not in the list above.
std::optional<Verb> verb_from(std::string_view method);

// ASCII only, as field names compare (RFC 9110 section 5.1).
bool equal_ignoring_case(std::string_view a, std::string_view b);

// Names compare without case (RFC 9110 section 5.1); order and repetition are kept. One block of text for all fields:
// a request costs two allocations here, not two for each field.
class Headers {
  public:
    void add(std::string_view name, std::string_view value);
    void reserve(std::size_t fields, std::size_t bytes);
    // The first of that name; empty when absent.
    std::string_view get(std::string_view name) const;
    bool has(std::string_view name) const;
    std::size_t count(std::string_view name) const;

    std::size_t size() const { return fields_.size(); }
    std::string_view name(std::size_t index) const;
    std::string_view value(std::size_t index) const;

  private:
    struct Field {
        std::uint32_t name_at, name_size, value_at, value_size;
    };
    const Field* find(std::string_view name) const;
    std::string text_;
    std::vector<Field> fields_;
};

struct ClientCertificate {
    Bytes der;
    std::string subject;                 // RFC 4514
    std::string fingerprint;             // SHA-256 of the DER, lower-case hex
    std::vector<std::string> dns_names;  // subjectAltName
    std::vector<std::string> uris;
    std::vector<std::string> emails;
};

// Who is at the other end, as the transport proves it. Made once per connection.
struct Peer {
    std::string listener;  // its name in the configuration
    enum class Transport : std::uint8_t { unix_socket, tls, plain_tcp } transport = Transport::unix_socket;
    // Unix sockets: SO_PEERCRED, and the groups the kernel holds for that process (SO_PEERGROUPS; where the kernel has
    // no such option, getgrouplist of the user), both as of the connection.
    std::optional<std::uint32_t> uid;
    std::vector<std::uint32_t> gids;
    std::optional<std::int32_t> pid;
    std::optional<ClientCertificate> certificate;  // TLS, verified against the listener's trust anchors
    std::string address;                           // "192.0.2.1:4711", or "uid=1000 pid=77"

    // The application's own note about this connection (who the caller is). Application::admit alone may touch it:
    // requests of one connection are admitted one after the other.
    mutable std::shared_ptr<const void> note;
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
    std::string content_type = "application/json";  // empty: no Content-Type field
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace signet::http
