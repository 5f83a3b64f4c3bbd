// TLS handshakes, on a thread of their own: they sign with the token's key, synchronously. Internal: includes Asio.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "daemon/http/loop.h"
#include "daemon/http/openssl_handles.h"
#include "daemon/http/tls_context.h"

namespace signet::http {

class Handshakes {
  public:
    // Connections whose handshake is done go to `established`.
    Handshakes(const Limits& limits, Counters& counters, Loop& established, std::chrono::milliseconds tick);
    ~Handshakes();

    void start(const char* name) { thread_.start(name); }
    void stop() { thread_.stop(); }
    asio::io_context& context() { return thread_.context(); }

    // On this thread: begins one. When there are too many, the oldest one gives way if it is slow, else the new one.
    void begin(UniqueFd fd, const TlsContext& tls, std::string listener, Place place);
    void drain();  // those under way get one second more

  private:
    class Handshake;
    void step(const std::shared_ptr<Handshake>& handshake);
    void finish(const std::shared_ptr<Handshake>& handshake);
    void fail(const std::shared_ptr<Handshake>& handshake);
    void wait(const std::shared_ptr<Handshake>& handshake, Descriptor::wait_type type);
    void end(const std::shared_ptr<Handshake>& handshake);
    bool make_room(SteadyTime now);
    bool tick();

    const Limits& limits_;
    Counters& counters_;
    Loop& established_;
    EventThread thread_;
    Ticker ticker_;
    std::unordered_set<std::shared_ptr<Handshake>> handshakes_;
};

}  // namespace signet::http
