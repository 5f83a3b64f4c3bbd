#include "sqlite/database_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace signet::sqlite {
namespace {

std::string read_holder(int fd) {
    std::array<char, 128> text{};
    const auto size = ::pread(fd, text.data(), text.size(), 0);
    if (size <= 0) return "another process";
    std::string holder(text.data(), static_cast<std::size_t>(size));
    return holder.substr(0, holder.find('\n'));
}

}  // namespace

Result<DatabaseLock> DatabaseLock::acquire(const std::filesystem::path& database, std::string_view holder) {
    auto path = database;
    path += ".lock";
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) {
        const int error = errno;
        const auto code =
            error == EACCES || error == EPERM ? ErrorCode::permission_denied : ErrorCode::storage_failed;
        return fail(code, "cannot open the lock " + path.string() + ": " + std::strerror(error));
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return fail(ErrorCode::storage_failed,
                        "cannot lock " + path.string() + ": " + std::strerror(errno));
        return fail(ErrorCode::conflict, "the database " + database.string() + " is in use by " +
                                             read_holder(fd.get()) + "; stop it first");
    }
    const auto text = std::string(holder) + " (process " + std::to_string(::getpid()) + ")\n";
    // The text is for people only; the lock holds without it, also on a full disk.
    if (::ftruncate(fd.get(), 0) == 0) [[maybe_unused]]
        const auto written = ::pwrite(fd.get(), text.data(), text.size(), 0);
    return DatabaseLock(std::move(fd));
}

}  // namespace signet::sqlite
