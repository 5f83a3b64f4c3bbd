#include "daemon/http/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <utility>

namespace signet::http {
namespace {

using State = IoResult::State;

class SocketStream final : public Stream {
  public:
    explicit SocketStream(int fd) : fd_(fd) {}

    IoResult read(std::span<char> into) override {
        for (;;) {
            const auto got = ::recv(fd_, into.data(), into.size(), 0);
            if (got > 0) return {State::done, static_cast<std::size_t>(got)};
            if (got == 0) return {State::closed};
            if (errno == EINTR) continue;
            return {errno == EAGAIN || errno == EWOULDBLOCK ? State::wants_read : State::failed};
        }
    }
    IoResult write(std::string_view first, std::string_view second) override {
        // sendmsg does not write to what it is given; iovec just has no const.
        std::array<iovec, 2> parts = {iovec{const_cast<char*>(first.data()), first.size()},
                                      iovec{const_cast<char*>(second.data()), second.size()}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = second.empty() ? 1 : 2;
        for (;;) {
            const auto sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
            if (sent > 0) return {State::done, static_cast<std::size_t>(sent)};
            if (sent < 0 && errno == EINTR) continue;
            return {sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? State::wants_write
                                                                          : State::failed};
        }
    }
    void end_writing() override { ::shutdown(fd_, SHUT_WR); }

  private:
    int fd_;
};

class TlsStream final : public Stream {
  public:
    TlsStream(SslHandle ssl, int fd) : ssl_(std::move(ssl)), fd_(fd) {}

    IoResult read(std::span<char> into) override {
        ERR_clear_error();
        std::size_t got = 0;
        const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
        return result == 1 ? IoResult{State::done, got} : failure(result);
    }
    IoResult write(std::string_view first, std::string_view second) override {
        const auto part = first.empty() ? second : first;
        ERR_clear_error();
        std::size_t sent = 0;
        const int result = SSL_write_ex(ssl_.get(), part.data(), part.size(), &sent);
        return result == 1 ? IoResult{State::done, sent} : failure(result);
    }
    bool has_buffered() const override { return SSL_has_pending(ssl_.get()) == 1; }
    void end_writing() override {
        ERR_clear_error();
        if (usable_) SSL_shutdown(ssl_.get());
        ::shutdown(fd_, SHUT_WR);
    }

  private:
    IoResult failure(int result) {
        switch (SSL_get_error(ssl_.get(), result)) {
            case SSL_ERROR_WANT_READ:
                return {State::wants_read};
            case SSL_ERROR_WANT_WRITE:
                return {State::wants_write};
            case SSL_ERROR_ZERO_RETURN:
                return {State::closed};
            default:
                usable_ = false;  // SSL_shutdown must not follow a fatal error
                ERR_clear_error();
                return {State::failed};
        }
    }
    SslHandle ssl_;
    int fd_;
    bool usable_ = true;
};

}  // namespace

std::unique_ptr<Stream> make_socket_stream(int fd) {
    return std::make_unique<SocketStream>(fd);
}

std::unique_ptr<Stream> make_tls_stream(SslHandle ssl, int fd) {
    return std::make_unique<TlsStream>(std::move(ssl), fd);
}

}  // namespace signet::http
