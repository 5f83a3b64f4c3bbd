// Status line and fields of an answer (RFC 9112 section 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/http/message.h"

namespace signet::http {

struct ResponseFrame {
    std::string_view request_id;  // empty: none
    bool close = false;
    bool http_1_0 = false;
};

// Replaces `out`; the body is not part of it. Fields that a handler set wrongly (control characters, or those that frame
// the message) are left out.
void write_response_head(const Response& response, const ResponseFrame& frame, std::string& out);
std::string_view reason_phrase(unsigned status);

}  // namespace signet::http
