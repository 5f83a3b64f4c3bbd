#include "hsm/client/connection.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "hsm/frames/messages.h"

namespace signet::client {
namespace {

std::unexpected<Error> unreachable(const std::filesystem::path& socket, int error) {
    std::string why;
    switch (error) {
        case ENOENT:
            why = "there is no socket at " + socket.string() + "; start signetd-token";
            break;
        case ECONNREFUSED:
            why = "nobody listens at " + socket.string() + "; start signetd-token";
            break;
        case EACCES:
            why = "this user may not open " + socket.string() + "; look at allowed_users in token.yaml";
            break;
        case EAGAIN:
            why = "it accepts no connection at " + socket.string();
            break;
        default:
            why = "cannot connect to " + socket.string();
    }
    return std::unexpected(Error{ErrorCode::token_unavailable, "the token process cannot be reached: " + why,
                                 std::strerror(error), std::chrono::seconds(1)});
}

}  // namespace

Result<std::shared_ptr<Connection>> Connection::open(const std::filesystem::path& socket,
                                                     std::optional<uid_t> server_uid,
                                                     SteadyTime welcome_until) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.native().size() >= sizeof(address.sun_path))
        return fail(ErrorCode::invalid_argument,
                    "the path " + socket.string() + " is too long for a socket (107 bytes at most)");
    std::memcpy(address.sun_path, socket.c_str(), socket.native().size());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return unreachable(socket, errno);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return unreachable(socket, errno);
    if (server_uid) {
        ucred peer{};
        socklen_t size = sizeof(peer);
        if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
            return unreachable(socket, errno);
        if (peer.uid != *server_uid)
            return fail(ErrorCode::permission_denied, "the socket " + socket.string() + " is served by uid " +
                                                          std::to_string(peer.uid) + ", expected uid " +
                                                          std::to_string(*server_uid));
    }
    auto connection = std::make_shared<Connection>(std::move(fd));
    connection->welcome_until = welcome_until;
    Bytes hello;
    frames::begin_frame(hello, {.kind = frames::FrameKind::hello});
    SIGNET_TRY(frames::encode(hello, frames::Hello{frames::kLowestVersion, frames::kVersion,
                                                   frames::program_version("signet client")}));
    frames::end_frame(hello, 0);
    connection->output.push(hello, false);
    (void)connection->output.flush();  // a failure shows at the first read
    return connection;
}

}  // namespace signet::client
