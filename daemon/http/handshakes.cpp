#include "daemon/http/handshakes.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/log.h"
#include "daemon/http/peer.h"

namespace signet::http {
namespace {

constexpr std::chrono::seconds kSlow{1};
constexpr std::chrono::seconds kLingerTime{1};
constexpr std::chrono::seconds kLastChance{1};  // for handshakes under way when the server ends

}  // namespace

class Handshakes::Handshake {
  public:
    Handshake(asio::io_context& context, UniqueFd socket, SslHandle ssl_handle, std::string listener_name,
              Place its_place)
        : descriptor(context.get_executor(), socket.release()),
          ssl(std::move(ssl_handle)),
          listener(std::move(listener_name)),
          place(std::move(its_place)),
          started(std::chrono::steady_clock::now()) {}

    Descriptor descriptor;
    SslHandle ssl;
    std::string listener;
    Place place;
    SteadyTime started;
    SteadyTime deadline;
    std::uint64_t wait_number = 0;
    bool failed =
        false;  // the alert is sent; what the client still sends is dropped, so that it can read the alert
};

Handshakes::Handshakes(const Limits& limits, Counters& counters, Loop& established,
                       std::chrono::milliseconds tick)
    : limits_(limits),
      counters_(counters),
      established_(established),
      ticker_(thread_.context(), tick, [this] { return this->tick(); }) {}

Handshakes::~Handshakes() {
    thread_.stop();
    handshakes_.clear();
}

void Handshakes::begin(UniqueFd fd, const TlsContext& tls, std::string listener, Place place) {
    const auto now = std::chrono::steady_clock::now();
    if (!make_room(now)) {
        counters_.refused.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    SslHandle ssl(tls.new_connection());
    if (!ssl || SSL_set_fd(ssl.get(), fd.get()) != 1) return;
    SSL_set_accept_state(ssl.get());
    auto handshake = std::make_shared<Handshake>(context(), std::move(fd), std::move(ssl),
                                                 std::move(listener), std::move(place));
    handshake->deadline = now + limits_.handshake_time;
    handshakes_.insert(handshake);
    counters_.handshakes.taken.fetch_add(1, std::memory_order_relaxed);
    ticker_.wake();
    wait(handshake, Descriptor::wait_read);
}

bool Handshakes::make_room(SteadyTime now) {
    if (handshakes_.size() < limits_.tls_handshakes) return true;
    std::shared_ptr<Handshake> oldest;
    for (const auto& handshake : handshakes_)
        if (!oldest || handshake->started < oldest->started) oldest = handshake;
    if (!oldest || now - oldest->started < kSlow) return false;
    end(oldest);
    return true;
}

void Handshakes::wait(const std::shared_ptr<Handshake>& handshake, Descriptor::wait_type type) {
    const auto number = ++handshake->wait_number;
    handshake->descriptor.async_wait(type, [this, handshake, number](const boost::system::error_code& error) {
        if (!error && number == handshake->wait_number) step(handshake);
    });
}

void Handshakes::step(const std::shared_ptr<Handshake>& handshake) {
    if (handshake->failed) {
        std::array<char, 4096> dropped{};
        const auto got = ::recv(handshake->descriptor.native_handle(), dropped.data(), dropped.size(), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) return end(handshake);
        return wait(handshake, Descriptor::wait_read);
    }
    ERR_clear_error();
    const int result = SSL_accept(handshake->ssl.get());
    if (result == 1) return finish(handshake);
    switch (SSL_get_error(handshake->ssl.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return wait(handshake, Descriptor::wait_read);
        case SSL_ERROR_WANT_WRITE:
            return wait(handshake, Descriptor::wait_write);
        default:
            return fail(handshake);
    }
}

void Handshakes::fail(const std::shared_ptr<Handshake>& handshake) {
    counters_.failed_handshakes.fetch_add(1, std::memory_order_relaxed);
    log::debug("http.tls.handshake_failed", "a TLS handshake failed",
               {{"listener", handshake->listener}, {"detail", openssl_errors()}});
    ::shutdown(handshake->descriptor.native_handle(), SHUT_WR);
    handshake->failed = true;
    handshake->deadline = std::chrono::steady_clock::now() + kLingerTime;
    wait(handshake, Descriptor::wait_read);
}

void Handshakes::finish(const std::shared_ptr<Handshake>& handshake) {
    auto peer = tcp_peer(handshake->descriptor.native_handle(), handshake->listener, Peer::Transport::tls);
    const X509Handle certificate(SSL_get1_peer_certificate(handshake->ssl.get()));
    if (certificate) {
        if (SSL_get_verify_result(handshake->ssl.get()) != X509_V_OK) return fail(handshake);
        auto described = describe_certificate(certificate.get());
        if (!described) return fail(handshake);
        peer.certificate = *std::move(described);
    }
    UniqueFd fd(handshake->descriptor.release());
    auto stream = make_tls_stream(std::move(handshake->ssl), fd.get());
    established_.adopt(std::move(fd), std::move(stream), std::make_shared<const Peer>(std::move(peer)),
                       std::move(handshake->place));
    end(handshake);
}

void Handshakes::end(const std::shared_ptr<Handshake>& handshake) {
    ++handshake->wait_number;
    boost::system::error_code ignored;
    handshake->descriptor.close(ignored);
    if (handshakes_.erase(handshake) > 0) counters_.handshakes.give_back();
}

bool Handshakes::tick() {
    const auto now = std::chrono::steady_clock::now();
    std::vector<std::shared_ptr<Handshake>> late;
    for (const auto& handshake : handshakes_)
        if (now >= handshake->deadline) late.push_back(handshake);
    for (const auto& handshake : late) {
        if (!handshake->failed) counters_.failed_handshakes.fetch_add(1, std::memory_order_relaxed);
        end(handshake);
    }
    return !handshakes_.empty();
}

void Handshakes::drain() {
    asio::post(context(), [this] {
        const auto last = std::chrono::steady_clock::now() + kLastChance;
        for (const auto& handshake : handshakes_)
            handshake->deadline = std::min(handshake->deadline, last);
        ticker_.wake();
    });
}

}  // namespace signet::http
