#include "hsm/custody/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "base/yaml.h"

namespace signet::custody {
namespace {

std::unexpected<Error> broken(int error) {
    return fail(ErrorCode::token_unavailable, "signetd-token ended the connection on the custodians' socket",
                std::strerror(error));
}

Status write_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return broken(errno);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

Status read_all(int fd, std::uint8_t* into, std::size_t size) {
    while (size > 0) {
        const auto n = ::recv(fd, into, size, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return broken(n == 0 ? ECONNRESET : errno);
        into += n;
        size -= static_cast<std::size_t>(n);
    }
    return {};
}

}  // namespace

Result<CustodyClient> CustodyClient::connect(const std::filesystem::path& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.native().size() >= sizeof(address.sun_path))
        return fail(ErrorCode::invalid_argument, "the path " + socket.string() + " is too long for a socket");
    std::memcpy(address.sun_path, socket.c_str(), socket.native().size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return fail(ErrorCode::internal, "cannot make a socket", std::strerror(errno));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EACCES)
            return fail(ErrorCode::permission_denied,
                        "you may not use " + socket.string() + "; token.yaml says who may (custodians)");
        return fail(ErrorCode::token_unavailable,
                    "signetd-token does not listen on " + socket.string() + "; start it",
                    std::strerror(errno));
    }
    const timeval limit{.tv_sec = 30, .tv_usec = 0};
    (void)setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return CustodyClient(std::move(fd));
}

Result<Answer> CustodyClient::ask(const Request& request) const {
    auto message = encode(request);
    const auto size = static_cast<std::uint32_t>(message.size());
    Bytes framed{static_cast<std::uint8_t>(size >> 24), static_cast<std::uint8_t>(size >> 16),
                 static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
    framed.insert(framed.end(), message.begin(), message.end());
    const auto sent = write_all(fd_.get(), framed);
    wipe(message);
    wipe(framed);
    SIGNET_TRY(sent);
    std::uint8_t head[4];
    SIGNET_TRY(read_all(fd_.get(), head, sizeof head));
    const std::size_t length = std::size_t{head[0]} << 24 | std::size_t{head[1]} << 16 |
                               std::size_t{head[2]} << 8 | std::size_t{head[3]};
    if (length > std::size_t{64} << 10) return broken(EPROTO);
    Secret answer(length);
    SIGNET_TRY(read_all(fd_.get(), answer.data(), length));
    return decode_answer(answer.view());
}

Result<DeskStatus> CustodyClient::status() const {
    SIGNET_ASSIGN(auto answer, ask({}));
    return std::move(answer.status);
}

Result<std::filesystem::path> custody_socket_of(const std::filesystem::path& token_config) {
    SIGNET_ASSIGN(const auto root, yaml::Node::load(token_config));
    const auto node = root.optional("custody_socket");
    if (!node)
        return fail(ErrorCode::failed_precondition,
                    token_config.string() + " has no custody_socket; add it, and restart signetd-token");
    SIGNET_ASSIGN(const auto text, node->text());
    return (token_config.parent_path() / text).lexically_normal();
}

}  // namespace signet::custody
