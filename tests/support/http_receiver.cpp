#include "tests/support/http_receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "tests/support/process.h"

namespace signet::testing {
namespace {

constexpr int kPatience = 5000;  // ms for one request

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// More of the stream; false at its end, or when nothing comes.
bool read_more(int connection, std::string& into) {
    pollfd waiting{connection, POLLIN, 0};
    if (poll(&waiting, 1, kPatience) <= 0) return false;
    char block[16384];
    const auto size = recv(connection, block, sizeof block, 0);
    if (size <= 0) return false;
    into.append(block, static_cast<std::size_t>(size));
    return true;
}

}  // namespace

HttpReceiver::HttpReceiver() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_, 64) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

HttpReceiver::~HttpReceiver() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
}

std::string HttpReceiver::url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
}

void HttpReceiver::answer(int status, std::string body) {
    const std::lock_guard lock(mutex_);
    status_ = status;
    body_ = std::move(body);
}

std::vector<ReceivedRequest> HttpReceiver::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

bool HttpReceiver::wait_for(std::size_t count, std::chrono::milliseconds time) const {
    return eventually([&] { return requests().size() >= count; }, time);
}

void HttpReceiver::serve() {
    while (!stopping_) {
        const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) continue;
        handle(connection);
        ::close(connection);
    }
}

void HttpReceiver::handle(int connection) {
    std::string text;
    std::size_t end = std::string::npos;
    while ((end = text.find("\r\n\r\n")) == std::string::npos)
        if (!read_more(connection, text)) return;
    ReceivedRequest request;
    auto line = text.substr(0, text.find("\r\n"));
    request.verb = line.substr(0, line.find(' '));
    request.target = line.substr(line.find(' ') + 1, line.rfind(' ') - line.find(' ') - 1);
    for (auto at = text.find("\r\n") + 2; at < end; at = text.find("\r\n", at) + 2) {
        const auto field = text.substr(at, text.find("\r\n", at) - at);
        const auto colon = field.find(':');
        request.headers[lower(field.substr(0, colon))] =
            field.substr(field.find_first_not_of(' ', colon + 1));
    }
    const auto length = request.headers.contains("content-length")
                            ? static_cast<std::size_t>(std::stoul(request.headers["content-length"]))
                            : 0;
    while (text.size() < end + 4 + length)
        if (!read_more(connection, text)) return;
    request.body = text.substr(end + 4, length);
    std::string answer;
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(std::move(request));
        if (status_ != 0)
            answer = "HTTP/1.1 " + std::to_string(status_) + " Answer\r\nContent-Type: application/json\r\n" +
                     "Content-Length: " + std::to_string(body_.size()) + "\r\nConnection: close\r\n\r\n" +
                     body_;
    }
    for (std::size_t sent = 0; sent < answer.size();) {
        const auto size = ::send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (size <= 0) return;
        sent += static_cast<std::size_t>(size);
    }
}

}  // namespace signet::testing
