// Reads answers (RFC 9112) for the client.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "daemon/http/client.h"

namespace signet::http {

class ResponseParser {
  public:
    // `has_body`: false for the answer to HEAD.
    ResponseParser(const ClientLimits& limits, bool has_body);
    ~ResponseParser();

    // Takes bytes from the front of `input`. Errors: internal (not HTTP), too_large.
    Status feed(std::string_view& input);
    // The server closed the connection. Error: cancelled when the answer is not whole.
    Status end();
    bool done() const;
    // After done: whether the connection can carry another request.
    bool keep_alive() const;
    ClientResponse take();

  private:
    class Parser;
    std::unique_ptr<Parser> parser_;
};

}  // namespace signet::http
