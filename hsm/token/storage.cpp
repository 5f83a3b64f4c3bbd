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

}  // namespace

Status TokenStorage::sync() const {
    if (directory_.empty()) return {};
    const UniqueFd directory(open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || syncfs(directory.get()) != 0) {
        const int error = errno;
        return fail(ErrorCode::token_unavailable, "the token's directory could not be synced to disk",
                    directory_.string() + ": " + std::strerror(error));
    }
    return {};
}

bool TokenStorage::present() const {
    if (directory_.empty()) return true;
    std::error_code error;
    for (std::filesystem::directory_iterator entries(directory_, error), end; !error && entries != end;
         entries.increment(error)) {
        std::error_code ignored;
        if (std::filesystem::exists(entries->path() / "token.object", ignored)) return true;
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
