#include "daemon/http/head_parser.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <cstring>

namespace signet::http {
namespace {

namespace beast = boost::beast;

using HeadFailure = std::unexpected<HeadError>;

HeadFailure refuse(unsigned status, std::string_view why) {
    return HeadFailure(HeadError{status, why});
}

std::string_view view(beast::string_view text) {
    return {text.data(), text.size()};
}

constexpr std::array<bool, 256> characters(std::string_view extra) {
    std::array<bool, 256> table{};
    for (int c = 'a'; c <= 'z'; ++c)
        table[static_cast<std::size_t>(c)] = true;
    for (int c = 'A'; c <= 'Z'; ++c)
        table[static_cast<std::size_t>(c)] = true;
    for (int c = '0'; c <= '9'; ++c)
        table[static_cast<std::size_t>(c)] = true;
    for (const char c : extra)
        table[static_cast<unsigned char>(c)] = true;
    return table;
}
// RFC 3986: what a path and a query may hold, and what a host and port may.
constexpr auto kTargetCharacters = characters("-._~!$&'()*+,;=:@/?%");
constexpr auto kHostCharacters = characters("-._~!$&'()*+,;=:%[]");

bool all_in(std::string_view text, const std::array<bool, 256>& table) {
    return std::ranges::all_of(text, [&](char c) { return table[static_cast<unsigned char>(c)]; });
}

// Beast splits the header into method, target and fields; what they mean is settled here.
class HeadParser final : public beast::http::basic_parser<true> {
  public:
    HeadParser(ParsedHead& out, const HeadLimits& limits) : out_(out), limits_(limits) {
        header_limit(std::numeric_limits<std::uint32_t>::max());  // the connection bounds it
        body_limit(boost::none);
    }
    const std::optional<HeadError>& error() const { return error_; }
    int version() const { return version_; }

  private:
    using error_code = beast::error_code;
    using verb = beast::http::verb;
    using field = beast::http::field;

    void stop(unsigned status, std::string_view why, error_code& ec) {
        error_ = HeadError{status, why};
        ec = beast::http::error::bad_value;
    }

    void on_request_impl(verb, beast::string_view method, beast::string_view target, int version,
                         error_code& ec) override {
        version_ = version;
        const auto known = verb_from(view(method));
        if (!known) return stop(501, "the method is not one this server knows", ec);
        out_.head.verb = *known;
        if (target.size() > limits_.target_bytes) return stop(414, "the request target is too long", ec);
        out_.head.target = view(target);
    }
    void on_field_impl(field name, beast::string_view name_text, beast::string_view value,
                       error_code& ec) override {
        if (++fields_ > limits_.fields) return stop(431, "the header has too many fields", ec);
        out_.head.headers.add(view(name_text), view(value));
        switch (name) {
            case field::host:
                return on_host(view(value), ec);
            case field::content_length:
                return on_content_length(view(value), ec);
            case field::transfer_encoding:
                return on_transfer_encoding(view(value), ec);
            case field::connection:
                return on_connection(view(value));
            case field::expect:
                return on_expect(view(value), ec);
            default:
                return;
        }
    }
    void on_host(std::string_view value, error_code& ec) {
        if (has_host_) return stop(400, "the header has two Host fields", ec);
        has_host_ = true;
        if (!all_in(value, kHostCharacters)) return stop(400, "the Host field is not a host", ec);
    }
    void on_content_length(std::string_view value, error_code& ec) {
        if (has_length_) return stop(400, "the header has two Content-Length fields", ec);
        has_length_ = true;
        const auto [end, failure] =
            std::from_chars(value.data(), value.data() + value.size(), out_.content_length);
        if (value.empty() || value.front() == '+' || failure != std::errc{} ||
            end != value.data() + value.size())
            return stop(400, "the Content-Length field is not a number", ec);
    }
    void on_transfer_encoding(std::string_view value, error_code& ec) {
        if (out_.chunked) return stop(400, "the header has two Transfer-Encoding fields", ec);
        if (!equal_ignoring_case(value, "chunked"))
            return stop(501, "the only transfer coding this server knows is chunked", ec);
        out_.chunked = true;
    }
    void on_connection(std::string_view value) {
        while (!value.empty()) {
            const auto comma = value.find(',');
            auto option = value.substr(0, comma);
            while (!option.empty() && (option.front() == ' ' || option.front() == '\t'))
                option.remove_prefix(1);
            while (!option.empty() && (option.back() == ' ' || option.back() == '\t'))
                option.remove_suffix(1);
            if (equal_ignoring_case(option, "close")) close_ = true;
            if (equal_ignoring_case(option, "keep-alive")) keep_alive_ = true;
            if (comma == std::string_view::npos) return;
            value.remove_prefix(comma + 1);
        }
    }
    void on_expect(std::string_view value, error_code& ec) {
        if (version_ < 11) return;  // RFC 9110 section 10.1.1: ignored in HTTP/1.0
        if (!equal_ignoring_case(value, "100-continue"))
            return stop(417, "the expectation is not one this server knows", ec);
        out_.expects_continue = true;
    }
    void on_header_impl(error_code& ec) override {
        if (out_.chunked && has_length_)
            return stop(400, "the header has both Content-Length and Transfer-Encoding", ec);
        if (out_.chunked && version_ < 11) return stop(400, "HTTP/1.0 has no Transfer-Encoding", ec);
        if (!has_host_ && version_ >= 11) return stop(400, "the header has no Host field", ec);
        out_.http_1_0 = version_ < 11;
        out_.keep_alive = !close_ && (version_ >= 11 || keep_alive_);
    }

    // The connection reads bodies itself (body_reader.h); this parser ends with the header.
    void on_response_impl(int, beast::string_view, int, error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(beast::string_view, error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, error_code&) override { return 0; }
    void on_finish_impl(error_code&) override {}

    ParsedHead& out_;
    const HeadLimits& limits_;
    std::optional<HeadError> error_;
    int version_ = 0;
    std::size_t fields_ = 0;
    bool has_host_ = false;
    bool has_length_ = false;
    bool close_ = false;
    bool keep_alive_ = false;
};

// Origin form, or absolute form as RFC 9112 section 3.2.2 wants it taken; `*` for OPTIONS.
std::expected<void, HeadError> split_target(RequestHead& head) {
    std::string_view rest = head.target;
    if (!all_in(rest, kTargetCharacters))
        return refuse(400, "the request target has a character that must be percent-encoded");
    if (rest == "*" && head.verb == Verb::options) {
        head.path = rest;
        return {};
    }
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (rest.size() < scheme.size() || !equal_ignoring_case(rest.substr(0, scheme.size()), scheme))
            continue;
        rest.remove_prefix(scheme.size());
        const auto authority = rest.find_first_of("/?");
        if (authority == 0) return refuse(400, "the request target has no host");
        rest = authority == std::string_view::npos ? std::string_view("/") : rest.substr(authority);
        break;
    }
    if (rest.empty() || rest.front() != '/') return refuse(400, "the request target must begin with '/'");
    const auto mark = rest.find('?');
    head.path = rest.substr(0, mark);
    if (mark != std::string_view::npos) head.query = rest.substr(mark + 1);
    return {};
}

// Whether the request line ends in a version, and one that is not ours.
bool names_other_version(std::string_view text) {
    const auto line = text.substr(0, text.find('\r'));
    constexpr std::string_view kName = " HTTP/";
    constexpr std::string_view kVersion = "1.1";
    if (line.size() < kName.size() + kVersion.size()) return false;
    const auto version = line.substr(line.size() - kVersion.size());
    const auto name = line.substr(line.size() - kVersion.size() - kName.size(), kName.size());
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return name == kName && is_digit(version[0]) && version[1] == '.' && is_digit(version[2]) &&
           version != "1.0" && version != "1.1";
}

}  // namespace

std::expected<std::size_t, HeadError> find_head_end(std::string_view buffer, std::size_t& searched) {
    while (searched < buffer.size()) {
        const auto* found =
            static_cast<const char*>(std::memchr(buffer.data() + searched, '\n', buffer.size() - searched));
        if (found == nullptr) {
            searched = buffer.size();
            break;
        }
        const auto at = static_cast<std::size_t>(found - buffer.data());
        if (at == 0 || buffer[at - 1] != '\r') return refuse(400, "a header line ends without CR LF");
        searched = at + 1;
        if (at >= 3 && buffer[at - 2] == '\n') return at + 1;
    }
    return std::size_t{0};
}

std::expected<ParsedHead, HeadError> parse_head(std::string_view text, const HeadLimits& limits) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != 0x7F) continue;
        if (c == '\t') continue;
        if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
            ++i;
            // RFC 9112 section 5.2: a line that begins with white space would continue the field before it.
            if (i + 1 < text.size() && (text[i + 1] == ' ' || text[i + 1] == '\t'))
                return refuse(400, "a header field is folded over two lines");
            continue;
        }
        return refuse(400, "the header has a control character");
    }
    ParsedHead parsed;
    parsed.head.headers.reserve(8, text.size());
    HeadParser parser(parsed, limits);
    beast::error_code error;
    parser.put(boost::asio::const_buffer(text.data(), text.size()), error);
    if (parser.error()) return HeadFailure(*parser.error());
    if (error == beast::http::error::bad_version && names_other_version(text))
        return refuse(505, "this server speaks HTTP/1.0 and HTTP/1.1");
    if (error || !parser.is_header_done()) return refuse(400, "the header is not HTTP");
    if (const auto split = split_target(parsed.head); !split) return HeadFailure(split.error());
    return parsed;
}

}  // namespace signet::http
