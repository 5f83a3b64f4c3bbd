#include "daemon/http/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace signet::http {
namespace {

constexpr int kBacklog = 512;

std::string errno_text() {
    return std::string(std::strerror(errno)) + " (errno " + std::to_string(errno) + ")";
}

Status check_directory(const std::filesystem::path& directory) {
    struct stat info{};
    if (::stat(directory.c_str(), &info) != 0)
        return fail(ErrorCode::failed_precondition,
                    "the socket directory " + directory.string() + " cannot be used; create it first",
                    errno_text());
    if (!S_ISDIR(info.st_mode))
        return fail(ErrorCode::failed_precondition, directory.string() + " is not a directory");
    if ((info.st_mode & S_IWOTH) != 0 || (info.st_uid != 0 && info.st_uid != ::geteuid()))
        return fail(ErrorCode::failed_precondition, "the socket directory " + directory.string() +
                                                        " can be written by others, who could put a socket "
                                                        "of their own there; make it owned by this user "
                                                        "and not writable for others");
    return {};
}

// Removes a socket file that nobody listens on.
Status remove_stale(const sockaddr_un& address) {
    struct stat info{};
    if (::lstat(address.sun_path, &info) != 0) {
        if (errno == ENOENT) return {};
        return fail(ErrorCode::failed_precondition, "the socket path cannot be looked at", errno_text());
    }
    if (!S_ISSOCK(info.st_mode))
        return fail(
            ErrorCode::failed_precondition,
            std::string(address.sun_path) + " exists and is no socket; move it away or choose another path");
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!probe) return fail(ErrorCode::internal, "no socket can be made", errno_text());
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
        errno != ECONNREFUSED)
        return fail(ErrorCode::already_exists,
                    "another process listens on " + std::string(address.sun_path) + "; stop it first",
                    errno_text());
    if (::unlink(address.sun_path) != 0)
        return fail(ErrorCode::permission_denied,
                    "the old socket " + std::string(address.sun_path) + " cannot be removed", errno_text());
    return {};
}

Result<gid_t> find_group(const std::string& group) {
    gid_t number = 0;
    const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), number);
    if (error == std::errc{} && end == group.data() + group.size()) return number;
    std::vector<char> buffer(std::size_t{64} << 10);
    struct group entry{};
    struct group* found = nullptr;
    if (::getgrnam_r(group.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return fail(ErrorCode::not_found, "there is no group '" + group + "'; create it or name another");
    return found->gr_gid;
}

}  // namespace

void ListeningSocket::remove_file() const {
    struct stat info{};
    if (path.empty() || ::lstat(path.c_str(), &info) != 0) return;
    if (info.st_dev == device && info.st_ino == inode) ::unlink(path.c_str());
}

Result<ListeningSocket> open_unix_socket(const UnixSocket& wanted) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto& path = wanted.path.native();
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return fail(ErrorCode::invalid_argument, "the socket path must have 1 to " +
                                                     std::to_string(sizeof address.sun_path - 1) +
                                                     " bytes: " + path);
    path.copy(address.sun_path, path.size());
    SIGNET_TRY(check_directory(wanted.path.has_parent_path() ? wanted.path.parent_path() : "."));
    SIGNET_TRY(remove_stale(address));
    gid_t group = static_cast<gid_t>(-1);
    if (!wanted.group.empty()) {
        SIGNET_ASSIGN(group, find_group(wanted.group));
    }

    ListeningSocket socket;
    socket.is_unix = true;
    socket.fd = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.fd) return fail(ErrorCode::internal, "no socket can be made", errno_text());
    if (::bind(socket.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail(errno == EADDRINUSE ? ErrorCode::already_exists : ErrorCode::permission_denied,
                    "the socket " + path + " cannot be made", errno_text());
    struct stat info{};
    if (::lstat(address.sun_path, &info) == 0) {
        socket.path = wanted.path;
        socket.device = info.st_dev;
        socket.inode = info.st_ino;
    }
    // Nobody can connect before listen(), so there is no moment with the wrong mode.
    if ((group != static_cast<gid_t>(-1) && ::lchown(address.sun_path, static_cast<uid_t>(-1), group) != 0) ||
        ::chmod(address.sun_path, wanted.mode & 0777) != 0 || ::listen(socket.fd.get(), kBacklog) != 0) {
        const auto detail = errno_text();
        socket.remove_file();
        return fail(ErrorCode::permission_denied,
                    "the mode or group of the socket " + path + " cannot be set", detail);
    }
    return socket;
}

Result<ListeningSocket> open_tcp_socket(const TcpSocket& wanted) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
    addrinfo* found = nullptr;
    const auto where = wanted.host + " port " + std::to_string(wanted.port);
    if (::getaddrinfo(wanted.host.c_str(), std::to_string(wanted.port).c_str(), &hints, &found) != 0)
        return fail(ErrorCode::invalid_argument,
                    "'" + wanted.host + "' is no numeric address; write one like 127.0.0.1 or ::1");
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> address(found, ::freeaddrinfo);

    ListeningSocket socket;
    socket.fd = UniqueFd(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.fd) return fail(ErrorCode::internal, "no socket can be made", errno_text());
    const int on = 1;
    ::setsockopt(socket.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6)
        ::setsockopt(socket.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(socket.fd.get(), address->ai_addr, address->ai_addrlen) != 0 ||
        ::listen(socket.fd.get(), kBacklog) != 0) {
        if (errno == EADDRINUSE)
            return fail(ErrorCode::already_exists,
                        "another process listens on " + where + "; stop it or choose another port",
                        errno_text());
        return fail(ErrorCode::permission_denied, where + " cannot be listened on", errno_text());
    }
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(socket.fd.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    socket.port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                                    : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
    return socket;
}

Result<ListeningSocket> take_activated_socket(const ActivatedSocket& wanted) {
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(0, &names);
    const std::unique_ptr<char*, void (*)(char**)> owner(names, [](char** list) {
        for (char** name = list; name != nullptr && *name != nullptr; ++name)
            std::free(*name);
        std::free(list);
    });
    for (int i = 0; i < count; ++i) {
        if (wanted.name != names[i]) continue;
        const int fd = SD_LISTEN_FDS_START + i;
        if (::sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
            return fail(ErrorCode::invalid_argument,
                        "the descriptor '" + wanted.name + "' is no listening stream socket");
        ListeningSocket socket;
        socket.is_unix = ::sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0;
        // A duplicate: the same descriptor can be asked for again after a failed start.
        socket.fd = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
        if (!socket.fd || ::fcntl(socket.fd.get(), F_SETFL, O_NONBLOCK) != 0)
            return fail(ErrorCode::internal, "the descriptor '" + wanted.name + "' cannot be used",
                        errno_text());
        return socket;
    }
    return fail(ErrorCode::not_found,
                "systemd passed no socket named '" + wanted.name +
                    "'; set FileDescriptorName= in the socket unit, or configure an address");
}

}  // namespace signet::http
