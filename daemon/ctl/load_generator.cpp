#include "daemon/ctl/load_generator.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/unique_fd.h"

namespace signet::ctl {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Connection {
    UniqueFd fd;
    std::string answer;      // what has come of it
    std::size_t needed = 0;  // its whole size, once the header is there
    SteadyClock::time_point sent;
};

std::unexpected<Error> lost(std::string_view doing) {
    return fail(ErrorCode::token_unavailable,
                "the daemon went away while the bench was " + std::string(doing) +
                    "; see its log, then start it again",
                std::strerror(errno));
}

// The size of header and body, once the header is complete; 0 before.
Result<std::size_t> answer_size(std::string_view answer) {
    const auto end = answer.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (answer.size() > 16384) return fail(ErrorCode::internal, "an answer's header does not end");
        return std::size_t{0};
    }
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const auto at = answer.find(kName);
    std::size_t length = 0;
    if (at == std::string_view::npos || at > end)
        return fail(ErrorCode::internal, "an answer has no Content-Length");
    const auto* const begin = answer.data() + at + kName.size();
    if (std::from_chars(begin, answer.data() + end, length).ec != std::errc{})
        return fail(ErrorCode::internal, "an answer's Content-Length is no number");
    return end + 4 + length;
}

class Generator {
  public:
    explicit Generator(const Load& load) : load_(load) {}

    Result<LoadReport> run() {
        request_ = "POST " + load_.target +
                   " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
                   std::to_string(load_.body.size()) + "\r\n\r\n";
        varying_ = request_.size() + load_.varying;
        request_ += load_.body;
        latencies_.reserve(1'000'000);
        SIGNET_TRY(connect_all());
        const auto begin = SteadyClock::now() + load_.warm_up;
        const auto end = begin + load_.time;
        for (auto& connection : connections_)
            SIGNET_TRY(send(connection));
        SIGNET_TRY(serve_until(begin));
        measuring_ = true;
        if (load_.on_start) load_.on_start();
        const auto started = SteadyClock::now();
        SIGNET_TRY(serve_until(end));
        if (load_.on_end) load_.on_end();
        const std::chrono::duration<double> took = SteadyClock::now() - started;
        report_.seconds = took.count();
        report_.operations = latencies_.size();
        report_.p50_us = percentile(50);
        report_.p99_us = percentile(99);
        return report_;
    }

  private:
    Status connect_all() {
        epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const auto& path = load_.socket.native();
        if (path.size() >= sizeof address.sun_path)
            return fail(ErrorCode::invalid_argument, path + " is too long for a socket");
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        connections_.resize(load_.connections);
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            auto& fd = connections_[i].fd;
            fd = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
            if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
                return fail(ErrorCode::token_unavailable, "cannot open connection " + std::to_string(i + 1) +
                                                              " to " + path + ": " + std::strerror(errno));
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u64 = i;
            if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) return lost("connecting");
        }
        return {};
    }

    // Requests are smaller than any socket buffer and the answer before was read: the write is never partial.
    Status send(Connection& connection) {
        constexpr std::string_view kDigits =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        auto number = ++sent_;
        for (std::size_t i = 0; i < 8; ++i, number >>= 6)
            request_[varying_ + i] = kDigits[number & 63];
        connection.answer.clear();
        connection.needed = 0;
        connection.sent = SteadyClock::now();
        const auto size = ::send(connection.fd.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
        if (size != static_cast<ssize_t>(request_.size())) return lost("sending");
        return {};
    }

    Status receive(Connection& connection) {
        std::array<char, 8192> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by recv
        const auto size = ::recv(connection.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return {};
        if (size <= 0) return lost("waiting for an answer");
        connection.answer.append(buffer.data(), static_cast<std::size_t>(size));
        if (connection.needed == 0) {
            SIGNET_ASSIGN(connection.needed, answer_size(connection.answer));
        }
        if (connection.needed == 0 || connection.answer.size() < connection.needed) return {};
        if (connection.answer.starts_with("HTTP/1.1 200 ")) {
            const auto latency =
                std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - connection.sent);
            if (measuring_) latencies_.push_back(static_cast<std::uint32_t>(latency.count()));
        } else if (report_.failures++ == 0) {
            report_.first_failure = connection.answer.substr(0, connection.answer.find('\r')) + ": " +
                                    connection.answer.substr(connection.answer.find("\r\n\r\n") + 4, 300);
        }
        return send(connection);
    }

    Status serve_until(SteadyClock::time_point end) {
        std::array<epoll_event, 64> events{};
        while (SteadyClock::now() < end) {
            const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 100);
            if (ready < 0 && errno != EINTR) return lost("waiting");
            for (int i = 0; i < ready; ++i)
                SIGNET_TRY(receive(connections_[events[static_cast<std::size_t>(i)].data.u64]));
        }
        return {};
    }

    std::uint32_t percentile(unsigned percent) {
        if (latencies_.empty()) return 0;
        const auto at = static_cast<std::ptrdiff_t>((latencies_.size() - 1) * percent / 100);
        std::ranges::nth_element(latencies_, latencies_.begin() + at);
        return latencies_[static_cast<std::size_t>(at)];
    }

    const Load& load_;
    UniqueFd epoll_;
    std::vector<Connection> connections_;
    std::string request_;
    std::size_t varying_ = 0;
    std::uint64_t sent_ = 0;
    bool measuring_ = false;
    std::vector<std::uint32_t> latencies_;
    LoadReport report_;
};

}  // namespace

Result<LoadReport> run_load(const Load& load) {
    return Generator(load).run();
}

}  // namespace signet::ctl
