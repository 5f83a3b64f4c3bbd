#include "daemon/http/client.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "daemon/http/client_connection.h"
#include "daemon/http/response_parser.h"

namespace signet::http {
namespace {

bool is_token(std::string_view text) {
    static constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               kOthers.contains(c);
    });
}

bool is_field_value(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F); });
}

std::string host_field(const Endpoint& endpoint) {
    if (!endpoint.path.empty()) return "localhost";
    const auto host = endpoint.host.contains(':') ? "[" + endpoint.host + "]" : endpoint.host;
    return host + ":" + std::to_string(endpoint.port);
}

}  // namespace

Endpoint Endpoint::unix_socket(std::filesystem::path path) {
    Endpoint endpoint;
    endpoint.path = std::move(path);
    return endpoint;
}

Endpoint Endpoint::tcp(std::string host, std::uint16_t port) {
    Endpoint endpoint;
    endpoint.host = std::move(host);
    endpoint.port = port;
    return endpoint;
}

Endpoint Endpoint::tls(std::string host, std::uint16_t port, std::string trust_anchors_pem) {
    auto endpoint = tcp(std::move(host), port);
    endpoint.use_tls = true;
    endpoint.trust_anchors_pem = std::move(trust_anchors_pem);
    return endpoint;
}

class Client::Impl {
  public:
    Impl(Endpoint endpoint, ClientLimits limits) : endpoint_(std::move(endpoint)), limits_(limits) {}

    Result<ClientResponse> send(Verb verb, std::string_view target, std::string_view body,
                                std::string_view content_type, const ClientHeaders& headers) {
        SIGNET_TRY(write_head(verb, target, body, content_type, headers));
        if (connection_ && connection_->is_stale()) connection_.reset();
        if (!connection_) {
            SIGNET_ASSIGN(connection_, ClientConnection::open(endpoint_, std::chrono::steady_clock::now() +
                                                                             limits_.connect_time));
        }
        auto response = exchange(verb, body);
        // Whatever went wrong, the two sides no longer agree on where the next message starts.
        if (!response) connection_.reset();
        return response;
    }
    bool connected() const { return connection_ != nullptr; }
    void close() { connection_.reset(); }

  private:
    Status write_head(Verb verb, std::string_view target, std::string_view body,
                      std::string_view content_type, const ClientHeaders& headers) {
        if (target.empty() || target.front() != '/' || !std::ranges::all_of(target, [](char c) {
                return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7F;
            }))
            return fail(ErrorCode::invalid_argument,
                        "the request target must begin with '/' and be percent-encoded");
        head_.assign(to_string(verb))
            .append(" ")
            .append(target)
            .append(" HTTP/1.1\r\nHost: ")
            .append(host_field(endpoint_));
        head_ += "\r\n";
        if (!body.empty() || verb == Verb::post || verb == Verb::put || verb == Verb::patch) {
            if (!content_type.empty() && !body.empty()) {
                if (!is_field_value(content_type))
                    return fail(ErrorCode::invalid_argument, "the content type is malformed");
                head_.append("Content-Type: ").append(content_type).append("\r\n");
            }
            head_.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
        }
        for (const auto& [name, value] : headers) {
            if (!is_token(name) || !is_field_value(value))
                return fail(ErrorCode::invalid_argument, "the header field '" + name + "' is malformed");
            head_.append(name).append(": ").append(value).append("\r\n");
        }
        head_ += "\r\n";
        return {};
    }

    Result<ClientResponse> exchange(Verb verb, std::string_view body) {
        const auto deadline = std::chrono::steady_clock::now() + limits_.request_time;
        std::optional<Error> write_error;
        if (auto sent = connection_->write_all(head_, body, deadline); !sent) {
            // A server that refuses a body closes its side early; its answer may be there all the same.
            if (sent.error().code != ErrorCode::cancelled) return std::unexpected(std::move(sent).error());
            write_error = std::move(sent).error();
        }
        for (;;) {
            ResponseParser parser(limits_, verb != Verb::head);
            while (!parser.done()) {
                if (rest_.empty()) {
                    auto got = connection_->read_some(buffer_, deadline);
                    if (!got) return std::unexpected(write_error ? *write_error : std::move(got).error());
                    if (*got == 0) {
                        SIGNET_TRY(parser.end());
                        continue;
                    }
                    rest_ = {buffer_.data(), *got};
                }
                SIGNET_TRY(parser.feed(rest_));
            }
            const bool reusable = parser.keep_alive() && rest_.empty() && !write_error;
            auto response = parser.take();
            if (response.status >= 100 && response.status < 200)
                continue;  // RFC 9110 section 15.2: more follows
            rest_ = {};
            if (!reusable) connection_.reset();
            return response;
        }
    }

    const Endpoint endpoint_;
    const ClientLimits limits_;
    std::unique_ptr<ClientConnection> connection_;
    std::string head_;
    std::array<char, std::size_t{16} << 10> buffer_{};
    std::string_view rest_;
};

Client::Client(Endpoint endpoint, ClientLimits limits)
    : impl_(std::make_unique<Impl>(std::move(endpoint), limits)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<ClientResponse> Client::send(Verb verb, std::string_view target, std::string_view body,
                                    std::string_view content_type, const ClientHeaders& headers) {
    return impl_->send(verb, target, body, content_type, headers);
}

bool Client::connected() const {
    return impl_->connected();
}

void Client::close() {
    impl_->close();
}

Result<ClientResponse> ClientPool::send(Verb verb, std::string_view target, std::string_view body,
                                        std::string_view content_type, const ClientHeaders& headers) {
    std::optional<Client> client;
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            client = std::move(idle_.back());
            idle_.pop_back();
        }
    }
    if (!client) client.emplace(endpoint_, limits_);
    auto response = client->send(verb, target, body, content_type, headers);
    const std::lock_guard lock(mutex_);
    if (client->connected() && idle_.size() < max_idle_) idle_.push_back(*std::move(client));
    return response;
}

}  // namespace signet::http
