// MOSIP, as far as it registers devices: a server on a port of its own with one answer for each connection.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace signet::testing {

class FakeMosip {
  public:
    FakeMosip() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            listen(listener_.get(), 8) != 0 ||
            getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("no port for MOSIP");
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeMosip() {
        shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    unsigned port() const { return port_; }
    void answer_with(unsigned status, std::string body) {
        const std::lock_guard lock(mutex_);
        status_ = status;
        body_ = std::move(body);
    }
    std::string last_request() {
        const std::lock_guard lock(mutex_);
        return request_;
    }

  private:
    void serve() {
        while (true) {
            const UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (fd.get() < 0) return;
            std::string text;
            std::array<char, 4096> part{};
            std::size_t whole = std::string::npos;
            while (text.size() < whole) {
                const auto got = recv(fd.get(), part.data(), part.size(), 0);
                if (got <= 0) break;
                text.append(part.data(), static_cast<std::size_t>(got));
                const auto end = text.find("\r\n\r\n");
                const auto length = text.find("Content-Length: ");
                if (end != std::string::npos && length != std::string::npos)
                    whole = end + 4 + std::stoul(text.substr(length + 16));
            }
            const std::lock_guard lock(mutex_);
            request_ = text.substr(std::min(text.find("\r\n\r\n"), text.size()));
            const auto answer =
                "HTTP/1.1 " + std::to_string(status_) +
                " X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
                std::to_string(body_.size()) + "\r\n\r\n" + body_;
            send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        }
    }
    UniqueFd listener_;
    unsigned port_ = 0;
    std::mutex mutex_;
    unsigned status_ = 200;
    std::string body_;
    std::string request_;
    std::thread thread_;
};

}  // namespace signet::testing
