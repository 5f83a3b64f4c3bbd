#include "hsm/token/token_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace signet::token {
namespace {

std::unexpected<Error> cannot(std::string what, int error) {
    return fail(ErrorCode::failed_precondition, "cannot " + std::move(what) + ": " + std::strerror(error),
                std::strerror(error));
}

// Under the lock nobody serves the socket: what is there was left behind.
Status remove_stale(const std::filesystem::path& path) {
    struct stat info{};
    if (lstat(path.c_str(), &info) != 0)
        return errno == ENOENT ? Status() : cannot("look at " + path.string(), errno);
    if (!S_ISSOCK(info.st_mode))
        return fail(ErrorCode::failed_precondition,
                    path.string() + " is there and is no socket; remove it by hand");
    if (unlink(path.c_str()) != 0) return cannot("remove the old socket " + path.string(), errno);
    return {};
}

}  // namespace

Result<TokenSocket> TokenSocket::listen(const std::filesystem::path& path, std::vector<uid_t> allowed,
                                        std::optional<gid_t> group) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof(address.sun_path))
        return fail(ErrorCode::failed_precondition,
                    "the path " + path.string() + " is too long for a socket (107 bytes at most)");
    std::memcpy(address.sun_path, path.c_str(), path.native().size());

    const auto directory = path.parent_path();
    if (mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST)
        return cannot("make the socket's directory " + directory.string(), errno);
    auto lock_path = path;
    lock_path += ".lock";
    UniqueFd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) return cannot("open " + lock_path.string(), errno);
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(ErrorCode::already_exists, "another signetd-token serves " + path.string());
    SIGNET_TRY(remove_stale(path));

    UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener) return cannot("make a socket", errno);
    const bool only_own_user = std::ranges::all_of(allowed, [](uid_t user) { return user == geteuid(); });
    const auto old_mask = umask(0177);  // never open to others, not even for a moment
    const int bound = bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    const int error = errno;
    umask(old_mask);
    if (bound != 0) return cannot("make the socket " + path.string(), error);
    if (group && chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0)
        return cannot("give " + path.string() + " to its group; this user must be a member", errno);
    const mode_t mode = group ? 0660 : only_own_user ? 0600 : 0666;
    if (chmod(path.c_str(), mode) != 0) return cannot("set the mode of " + path.string(), errno);
    if (::listen(listener.get(), 64) != 0) return cannot("listen on " + path.string(), errno);
    return TokenSocket(path, std::move(allowed), std::move(lock), std::move(listener));
}

TokenSocket::~TokenSocket() {
    close();
}

void TokenSocket::close() {
    if (!listener_) return;
    listener_.reset();
    unlink(path_.c_str());
}

std::optional<TokenSocket::Accepted> TokenSocket::accept() const {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return std::nullopt;
    ucred peer{};
    socklen_t size = sizeof(peer);
    const bool known = getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    const bool allowed = known && std::ranges::find(allowed_, peer.uid) != allowed_.end();
    return Accepted{std::move(fd), peer.uid, allowed};
}

}  // namespace signet::token
