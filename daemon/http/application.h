// The seam between the connections, which move bytes, and what they serve.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <variant>

#include "daemon/http/message.h"

namespace signet::http {

// The request may go on: read a body of at most `body_limit` bytes, then call `handle`. `route` is the application's
// own note from `admit` to `handle` (the matched row, the caller).
struct Admitted {
    std::size_t body_limit = 0;
    std::shared_ptr<void> route;
};

class Application {
  public:
    virtual ~Application() = default;
    // Called on an I/O thread once the header is read and before any of the body is: must not block. A Response ends
    // the request at once (unknown path, unknown caller, no permission, too many requests).
    virtual std::variant<Admitted, Response> admit(const RequestHead& head) = 0;
    // Called on a worker thread; may block until the request's deadline.
    virtual Response handle(Request request, const Admitted& admitted) = 0;
    // What connections answer by themselves, on an I/O thread: 400 malformed, 408 too slow, 413 body, 414 target or 431
    // header too large, 417 expectation, 501 method or transfer coding unknown, 503 queue or connections full, 505 version.
    virtual Response refuse(unsigned status, std::string_view why, std::string_view request_id) = 0;
};

}  // namespace signet::http
