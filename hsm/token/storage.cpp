#include "hsm/token/storage.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/unique_fd.h"

namespace signet::token {
namespace {

namespace fs = std::filesystem;

// Times of files come from the kernel's coarse clock, a few milliseconds behind.
constexpr std::chrono::seconds kClockMargin{1};
constexpr std::size_t kProbeSize = 16384;  // more than the objects of one RSA-4096 key pair

StorageState state_of(int error) {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
            return StorageState::full;
        case EROFS:
        case EACCES:
        case EPERM:
            return StorageState::read_only;
        case ENOENT:
        case ENOTDIR:
        case ENODEV:
        case ESTALE:
        case EIO:
            return StorageState::gone;
        default:
            return StorageState::good;
    }
}

Status sync_path(const fs::path& path) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno == ENOENT) return {};
    if (file && fsync(file.get()) == 0) return {};
    const int error = errno;
    return fail(ErrorCode::token_unavailable, "the token's files could not be synced to disk",
                path.string() + ": " + std::strerror(error));
}

}  // namespace

Status TokenStorage::sync(fs::file_time_type since) const {
    if (directory_.empty()) return {};
    const auto oldest = since - kClockMargin;
    std::error_code error;
    for (fs::directory_iterator tokens(directory_, error), end; !error && tokens != end;
         tokens.increment(error)) {
        if (!tokens->is_directory(error)) continue;
        // Destroying shows in the directory alone.
        bool changed = tokens->last_write_time(error) >= oldest;
        for (fs::directory_iterator files(tokens->path(), error); !error && files != end;
             files.increment(error)) {
            std::error_code vanished;  // another thread's key that was destroyed meanwhile
            const auto written = files->last_write_time(vanished);
            if (vanished || written < oldest || !files->is_regular_file(vanished)) continue;
            SIGNET_TRY(sync_path(files->path()));
            changed = true;
        }
        if (!error && changed) SIGNET_TRY(sync_path(tokens->path()));
    }
    if (!error) return {};
    return fail(ErrorCode::token_unavailable, "the token's directory could not be synced to disk",
                directory_.string() + ": " + error.message());
}

bool TokenStorage::present() const {
    if (directory_.empty()) return true;
    std::error_code error;
    for (fs::directory_iterator entries(directory_, error), end; !error && entries != end;
         entries.increment(error)) {
        std::error_code ignored;
        if (fs::exists(entries->path() / "token.object", ignored)) return true;
    }
    return false;
}

StorageState TokenStorage::diagnose() const {
    if (directory_.empty()) return StorageState::good;
    if (!present()) return StorageState::gone;
    auto path = (directory_ / ".signet-probe-XXXXXX").string();
    const UniqueFd file(mkostemp(path.data(), O_CLOEXEC));
    if (!file) return state_of(errno);
    const std::array<char, kProbeSize> zeros{};
    const auto written = write(file.get(), zeros.data(), zeros.size());
    const auto state = written < 0                                        ? state_of(errno)
                       : static_cast<std::size_t>(written) < zeros.size() ? StorageState::full
                       : fsync(file.get()) != 0                           ? state_of(errno)
                                                                          : StorageState::good;
    unlink(path.c_str());
    return state;
}

}  // namespace signet::token
