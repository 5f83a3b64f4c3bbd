#include "hsm/token/login_mark.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "hsm/token/pin_marker.h"

namespace signet::token {
namespace {

// The first line of the mark; what follows is for people.
constexpr std::string_view kFirst = "login 1\n";
constexpr std::string_view kAgain = "login 2\n";
constexpr std::string_view kText =
    "A login began and its outcome is not known yet. While this file has a content and no signetd-token "
    "runs, the\n"
    "process died in it; the next start decides whether the PIN may be tried again (signetd-token(8)).\n";

std::unexpected<Error> failed(const std::filesystem::path& path) {
    return fail(ErrorCode::failed_precondition,
                "the login cannot be noted down, so none is made: cannot write " + path.string(),
                std::strerror(errno));
}

Status sync_directory(const std::filesystem::path& directory) {
    const UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd && fsync(fd.get()) == 0) return {};
    return failed(directory);
}

}  // namespace

std::filesystem::path login_mark_path(const std::filesystem::path& state) {
    return state / "login-under-way";
}

Status LoginMark::begin(const PinState& pin) {
    const auto path = login_mark_path(state_);
    file_ = UniqueFd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_) return failed(path);
    while (flock(file_.get(), LOCK_EX) != 0) {
        if (errno != EINTR) return failed(path);
    }
    std::array<char, 16> buffer{};
    const auto size = pread(file_.get(), buffer.data(), kFirst.size(), 0);
    if (size < 0) return failed(path);
    const bool left = size > 0;
    const bool left_twice = left && std::string_view(buffer.data(), static_cast<std::size_t>(size)) != kFirst;
    if (left) {
        if (pin.locks && (pin.wrong_since_last_login || left_twice)) {
            const auto why =
                fail(ErrorCode::token_pin,
                     "a process ended while it logged in, " +
                         std::string(
                             pin.wrong_since_last_login
                                 ? "and the token reports a wrong PIN since its last good login"
                                 : "twice in a row, and the token does not tell whether it refused the PIN") +
                         "; it is not tried again");
            if (const auto written = write_pin_marker(state_, config_file_, why.error()); !written)
                return written;  // the mark stays, and says it again
            end();
            return why;
        }
        log::warning("token.login.unknown",
                     "a process ended while it logged in, and nothing says that its PIN was refused; it is "
                     "tried again",
                     {{"mark", path}});
    }
    const auto content = std::string(left ? kAgain : kFirst) + std::string(kText);
    if (ftruncate(file_.get(), 0) != 0 ||
        pwrite(file_.get(), content.data(), content.size(), 0) != static_cast<ssize_t>(content.size()) ||
        fsync(file_.get()) != 0)
        return failed(path);
    return sync_directory(state_);
}

void LoginMark::end() {
    if (!file_) return;
    // On disk too: after a power loss, a login that went well must not look like one that nobody knows of.
    if (ftruncate(file_.get(), 0) != 0 || fsync(file_.get()) != 0)
        log::warning("token.login.mark", "cannot clear the mark of a login that ended",
                     {{"mark", login_mark_path(state_)}, {"detail", std::strerror(errno)}});
    file_ = UniqueFd();
}

}  // namespace signet::token
