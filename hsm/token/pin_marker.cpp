#include "hsm/token/pin_marker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "base/file.h"
#include "hsm/token/login_mark.h"

namespace signet::token {
namespace {

std::string remedy(const std::filesystem::path& config_file) {
    return "check the PIN and the token's state (signetctl doctor), then run: signetd-token clear-pin-marker "
           "--config " +
           config_file.string();
}

}  // namespace

std::filesystem::path pin_marker_path(const std::filesystem::path& state) {
    return state / "pin-refused";
}

Status check_pin_marker(const std::filesystem::path& state, const std::filesystem::path& config_file) {
    const auto path = pin_marker_path(state);
    struct stat info{};
    if (lstat(path.c_str(), &info) == 0)
        return fail(
            ErrorCode::token_pin,
            "the PIN was refused earlier, or may have been, and is not tried again; " + remedy(config_file),
            path.string());
    if (errno == ENOENT) return {};
    return fail(ErrorCode::token_pin,
                "cannot tell whether the PIN was refused earlier, so it is not tried: cannot look at " +
                    path.string(),
                std::strerror(errno));
}

Status write_pin_marker(const std::filesystem::path& state, const std::filesystem::path& config_file,
                        const Error& why) {
    const auto path = pin_marker_path(state);
    const auto text =
        "At " + to_rfc3339(SystemClock().now()) + " a login was refused, or not even tried:\n  " +
        why.message + "\n  " + why.detail +
        "\n"
        "It is not asked again while this file is here: a few wrong PINs lock a token for good.\n"
        "What to do: " +
        remedy(config_file) + "\n";
    return write_file_atomic(path, as_bytes(text), 0600);
}

Result<bool> clear_pin_marker(const std::filesystem::path& state) {
    // What a login left that nobody knows the outcome of: the operator who clears the marker has looked.
    if (const auto mark = login_mark_path(state); truncate(mark.c_str(), 0) != 0 && errno != ENOENT)
        return fail(ErrorCode::permission_denied, "cannot clear " + mark.string(), std::strerror(errno));
    const auto path = pin_marker_path(state);
    if (unlink(path.c_str()) == 0) return true;
    if (errno == ENOENT) return false;
    return fail(ErrorCode::permission_denied, "cannot remove " + path.string(), std::strerror(errno));
}

Status make_state_directory(const std::filesystem::path& state) {
    if (mkdir(state.c_str(), 0700) == 0 || errno == EEXIST) {
        if (access(state.c_str(), W_OK | X_OK) == 0) return {};
    }
    return fail(ErrorCode::failed_precondition,
                "the state directory " + state.string() + " cannot be written; it must belong to this user",
                std::strerror(errno));
}

}  // namespace signet::token
