#include "daemon/api/reach.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

namespace signet::api {
namespace {

constexpr std::size_t kLongest = 2048;

bool is_numeric(const std::string& host) {
    return AddressPrefix::parse(host).has_value() && !host.contains('/');
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
    const auto refuse = [](const char* why) { return fail(ErrorCode::invalid_argument, why); };
    if (text.size() > kLongest) return refuse("the URL is over 2 KiB");
    const auto parsed = boost::urls::parse_uri(text);
    if (!parsed) return refuse("expected a URL such as https://example.com/path");
    const auto& view = *parsed;
    Url url;
    const auto scheme = view.scheme_id();
    if (scheme != boost::urls::scheme::https && scheme != boost::urls::scheme::http)
        return refuse("expected a URL that begins with https:// or http://");
    url.tls = scheme == boost::urls::scheme::https;
    if (view.has_userinfo()) return refuse("a URL must not carry a user name or password");
    if (view.has_fragment()) return refuse("a URL that is called has no fragment (#)");
    url.host = view.host_address();
    if (url.host.empty() || url.host.size() > 253) return refuse("the URL names no host");
    if (std::ranges::any_of(url.host,
                            [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; }))
        return refuse("the host of the URL has characters that no host has");
    url.port = url.tls ? 443 : 80;
    if (view.has_port()) {
        // The library wraps what is over 65535.
        const std::string_view digits = view.port();
        const auto* const last = digits.data() + digits.size();
        const auto [end, error] = std::from_chars(digits.data(), last, url.port);
        if (error != std::errc{} || end != last || url.port == 0)
            return refuse("the port of the URL is no port");
    }
    url.target = std::string(view.encoded_target());
    if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
    return url;
}

void Reach::replace(std::shared_ptr<const Outbound> outbound) {
    const std::lock_guard lock(mutex_);
    outbound_ = std::move(outbound);
}

std::shared_ptr<const Outbound> Reach::current() const {
    const std::lock_guard lock(mutex_);
    return outbound_;
}

Result<http::Endpoint> Reach::endpoint(const Outbound& from, std::string_view outbound, const Url& url) {
    return url.tls ? from.endpoint(outbound, url.host, url.port)
                   : from.plain_endpoint(outbound, url.host, url.port);
}

Status Reach::check(std::string_view outbound, std::string_view text) const {
    SIGNET_ASSIGN(const auto url, parse_url(text));
    SIGNET_ASSIGN(const auto endpoint, endpoint(*current(), outbound, url));
    if (!is_numeric(url.host) || is_public_address(url.host) ||
        std::ranges::any_of(endpoint.permitted,
                            [&](const AddressPrefix& prefix) { return prefix.contains(url.host); }))
        return {};
    return fail(ErrorCode::permission_denied, "the address " + url.host +
                                                  " is not public; permit it in signetd.yaml, outbound." +
                                                  std::string(outbound) + ".private_addresses");
}

Result<http::ClientResponse> Reach::send(std::string_view outbound, http::Verb verb, std::string_view text,
                                         std::string_view body, std::string_view content_type,
                                         const http::ClientHeaders& headers) const {
    const auto from = current();  // its keys outlive the request
    SIGNET_ASSIGN(const auto url, parse_url(text));
    SIGNET_ASSIGN(auto endpoint, endpoint(*from, outbound, url));
    SIGNET_ASSIGN(const auto limits, from->limits(outbound));
    http::Client client(std::move(endpoint), limits);
    return client.send(verb, url.target, body, content_type, headers);
}

Result<service::OutboxReply> send_message(const Reach& reach, const sqlite::OutboxMessage& message) {
    const auto outbound = std::string_view(message.kind).substr(0, message.kind.find('.'));
    const auto refuse = [](std::string why) { return fail(ErrorCode::permission_denied, std::move(why)); };
    if (message.verb != "POST" && message.verb != "PUT") return refuse("the message is neither POST nor PUT");
    if (auto permitted = reach.check(outbound, message.url); !permitted) {
        // What the configuration lacks may be added; what it does not permit is refused.
        if (permitted.error().code == ErrorCode::failed_precondition)
            return std::unexpected(std::move(permitted).error());
        return refuse(permitted.error().message);
    }
    http::ClientHeaders headers;
    std::string type = "application/json";
    std::string_view rest = message.headers;
    while (!rest.empty()) {
        const auto end = rest.find("\r\n");
        const auto colon = rest.find(": ");
        if (end == std::string_view::npos || colon == std::string_view::npos || colon > end)
            return refuse("the header fields of the message are malformed");
        std::string name(rest.substr(0, colon));
        std::string value(rest.substr(colon + 2, end - colon - 2));
        if (name == "Content-Type")
            type = std::move(value);
        else
            headers.emplace_back(std::move(name), std::move(value));
        rest.remove_prefix(end + 2);
    }
    auto answer = reach.send(outbound, message.verb == "PUT" ? http::Verb::put : http::Verb::post,
                             message.url, as_text(message.body), type, headers);
    // The entry is there (checked above): this is an address that its name hid.
    if (!answer && answer.error().code == ErrorCode::failed_precondition)
        return refuse(answer.error().message);
    if (!answer && answer.error().code == ErrorCode::permission_denied)
        answer.error().code = ErrorCode::cancelled;
    if (!answer) return std::unexpected(std::move(answer).error());
    return service::OutboxReply{answer->status, std::move(answer->body)};
}

}  // namespace signet::api
