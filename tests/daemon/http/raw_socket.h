// A client that sends what it is told, byte for byte, and reads until it has seen enough.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace signet::http {

class RawSocket {
  public:
    static RawSocket unix_socket(const std::filesystem::path& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.native().copy(address.sun_path, sizeof address.sun_path - 1);
        return {AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address};
    }
    static RawSocket tcp(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return {AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address};
    }

    bool connected() const { return connected_; }
    int fd() const { return fd_.get(); }
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    // Until `text` was read, the connection ended, or 30 s have passed; what was read and not given out before.
    std::string read_until(std::string_view text) {
        while (buffer_.find(text) == std::string::npos && read_some()) {
        }
        const auto at = buffer_.find(text);
        const auto size = at == std::string::npos ? buffer_.size() : at + text.size();
        auto out = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return out;
    }
    std::string read_to_end() {
        while (read_some()) {
        }
        return std::exchange(buffer_, {});
    }
    // Whether the server closes within 30 s.
    bool ends() {
        while (read_some()) {
        }
        return ended_;
    }

  private:
    RawSocket(int family, const sockaddr* address, socklen_t size)
        : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        connected_ = ::connect(fd_.get(), address, size) == 0;
    }
    bool read_some() {
        pollfd entry{fd_.get(), POLLIN, 0};
        if (ended_ || ::poll(&entry, 1, 30'000) != 1) return false;
        char part[16384];
        const auto got = ::recv(fd_.get(), part, sizeof part, 0);
        if (got <= 0) {
            ended_ = true;
            return false;
        }
        buffer_.append(part, static_cast<std::size_t>(got));
        return true;
    }

    UniqueFd fd_;
    bool connected_ = false;
    bool ended_ = false;
    std::string buffer_;
};

}  // namespace signet::http
