#include "daemon/http/response_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <string>
#include <utility>

#include "daemon/http/body_reader.h"

namespace signet::http {

namespace beast = boost::beast;

// Beast reads the header; bodies are read as on the server's side (body_reader.h), because Beast's chunk parser stops the
// process when the last chunk comes in pieces ("0\r\n", then one byte: an assertion of basic_parser.ipp).
class ResponseParser::Parser final : public beast::http::basic_parser<false> {
  public:
    Parser(const ClientLimits& limits, bool has_body) : limits_(limits), has_body_(has_body) {
        header_limit(static_cast<std::uint32_t>(limits.header_bytes));
        body_limit(boost::none);
    }

    Status feed(std::string_view& input) {
        if (!header_done_) {
            SIGNET_TRY(feed_header(input));
            if (!header_done_ || done_) return {};
        }
        if (!body_) {
            if (response_.body.size() + input.size() > limits_.body_bytes) return too_large();
            response_.body.append(std::exchange(input, {}));
            return {};
        }
        switch (body_->feed(input, response_.body)) {
            case BodyReader::State::more:
                return {};
            case BodyReader::State::done:
                done_ = true;
                return {};
            case BodyReader::State::too_large:
                return too_large();
            case BodyReader::State::malformed:
                break;
        }
        return fail(ErrorCode::internal, "the answer's chunked body is malformed");
    }
    Status end() {
        if (done_) return {};
        if (header_done_ && !body_) {
            done_ = true;
            return {};
        }
        return fail(ErrorCode::cancelled, "the server closed the connection before its answer was whole");
    }
    bool done() const { return done_; }
    bool reusable() const { return reusable_; }
    ClientResponse take() { return std::move(response_); }

  private:
    using error_code = beast::error_code;

    static Status too_large() { return fail(ErrorCode::too_large, "the answer is too large"); }

    Status feed_header(std::string_view& input) {
        pending_.append(input);
        const auto before = pending_.size() - input.size();
        const auto from = before < 3 ? 0 : before - 3;
        const auto end = pending_.find("\r\n\r\n", from);
        if (end == std::string::npos || end + 4 > limits_.header_bytes) {
            if (pending_.size() > limits_.header_bytes)
                return fail(ErrorCode::too_large, "the answer's header is too large");
            input = {};
            if (end == std::string::npos) return {};
        }
        input.remove_prefix(end + 4 - before);
        pending_.resize(end + 4);
        error_code error;
        put(boost::asio::const_buffer(pending_.data(), pending_.size()), error);
        if (error || !is_header_done())
            return fail(ErrorCode::internal, "the answer is not HTTP", error.message());
        header_done_ = true;
        settle_body();
        return {};
    }
    // RFC 9112 section 6.3.
    void settle_body() {
        reusable_ = version_ >= 11 && !equal_ignoring_case(response_.headers.get("Connection"), "close");
        if (!has_body_ || response_.status == 204 || response_.status == 304) {
            done_ = true;
        } else if (chunked()) {
            body_ = BodyReader::chunked(limits_.body_bytes);
        } else if (const auto size = content_length()) {
            body_ = BodyReader::of_length(*size, limits_.body_bytes);
            done_ = *size == 0;
        } else {
            reusable_ = false;  // the body ends with the connection
        }
    }

    void on_response_impl(int status, beast::string_view, int version, error_code&) override {
        response_.status = static_cast<unsigned>(status);
        version_ = version;
    }
    void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                       error_code&) override {
        response_.headers.add({name.data(), name.size()}, {value.data(), value.size()});
    }
    void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int,
                         error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(beast::string_view, error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, error_code&) override { return 0; }
    void on_finish_impl(error_code&) override {}

    const ClientLimits limits_;
    const bool has_body_;
    std::string pending_;
    bool header_done_ = false;
    bool done_ = false;
    bool reusable_ = false;
    int version_ = 0;
    ClientResponse response_;
    std::optional<BodyReader> body_;
};

ResponseParser::ResponseParser(const ClientLimits& limits, bool has_body)
    : parser_(std::make_unique<Parser>(limits, has_body)) {}
ResponseParser::~ResponseParser() = default;

Status ResponseParser::feed(std::string_view& input) {
    return parser_->feed(input);
}
Status ResponseParser::end() {
    return parser_->end();
}
bool ResponseParser::done() const {
    return parser_->done();
}
bool ResponseParser::keep_alive() const {
    return parser_->reusable();
}
ClientResponse ResponseParser::take() {
    return parser_->take();
}

}  // namespace signet::http
