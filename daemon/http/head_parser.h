// Reads the header of a request (RFC 9112 sections 2 to 6), strictly: what two parsers could understand differently is
// refused, so that nothing can be smuggled past a proxy in front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "daemon/http/message.h"

namespace signet::http {

struct HeadLimits {
    std::size_t fields = 100;
    std::size_t target_bytes = std::size_t{8} << 10;
};

struct ParsedHead {
    RequestHead head;  // without peer and id
    bool keep_alive = true;
    bool http_1_0 = false;
    bool expects_continue = false;
    bool chunked = false;
    std::uint64_t content_length = 0;
    bool has_body() const { return chunked || content_length > 0; }
};

// What to answer instead: 400, 414, 417, 431, 501 or 505.
struct HeadError {
    unsigned status = 400;
    std::string_view why;
};

// How many bytes the header at the start of `buffer` has, with the empty line that ends it; 0 when the end is not there
// yet. Looks at the bytes from `searched` on only, and advances it. A line that ends without CR is an error: no header
// that this server takes contains one.
std::expected<std::size_t, HeadError> find_head_end(std::string_view buffer, std::size_t& searched);

// `text` is a header as find_head_end found it.
std::expected<ParsedHead, HeadError> parse_head(std::string_view text, const HeadLimits& limits);

}  // namespace signet::http
