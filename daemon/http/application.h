// The seam between the connections, which move bytes, and what they serve.
#pragma once

#include <cstddef>
#include <functional>
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
    // The request is answered through `begin`, which does not block, instead of `handle`.
    bool no_wait = false;
};

// Gives the answer of one request; called once, from any thread. It must not outlive the server that handed it out.
using Finish = std::move_only_function<void(Response)>;

class Application {
  public:
    virtual ~Application() = default;
    // Called on an I/O thread once the header is read and before any of the body is: must not block. A Response ends
    // the request at once (unknown path, unknown caller, no permission, too many requests).
    virtual std::variant<Admitted, Response> admit(const RequestHead& head) = 0;
    // Called on a worker thread; may block until the request's deadline.
    virtual Response handle(Request request, const Admitted& admitted) = 0;
    // For what was admitted with `no_wait`: must not block. Called on an I/O thread when the body is small, so that such a
    // request costs no change of threads, and on a worker thread when its decoding and hashing would hold others up.
    virtual void begin(Request request, Admitted admitted, Finish finish) {
        finish(handle(std::move(request), admitted));
    }
    // What connections answer by themselves, on an I/O thread: 400 malformed, 408 too slow, 413 body, 414 target or 431
    // header too large, 417 expectation, 501 method or transfer coding unknown, 503 queue or connections full, 505 version.
    virtual Response refuse(unsigned status, std::string_view why, std::string_view request_id) = 0;
};

}  // namespace signet::http
