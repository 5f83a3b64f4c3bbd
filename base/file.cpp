#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/random.h"
#include "base/unique_fd.h"

namespace signet {
namespace {

std::unexpected<Error> errno_failure(const std::filesystem::path& path, std::string_view doing, int error) {
    auto code = ErrorCode::internal;
    if (error == ENOENT || error == ENOTDIR) code = ErrorCode::not_found;
    if (error == EACCES || error == EPERM) code = ErrorCode::permission_denied;
    if (error == ENOSPC || error == EDQUOT) code = ErrorCode::storage_full;
    return fail(code, "cannot " + std::string(doing) + " " + path.string() + ": " + std::strerror(error));
}

Result<UniqueFd> open_regular(const std::filesystem::path& path, struct stat& info) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return errno_failure(path, "open", errno);
    if (fstat(fd.get(), &info) != 0) return errno_failure(path, "examine", errno);
    if (!S_ISREG(info.st_mode))
        return fail(ErrorCode::invalid_argument, path.string() + " is not a regular file");
    return fd;
}

// Reads to the end, at most `capacity` bytes; the number read, or -1 with errno.
ssize_t read_all(int fd, std::uint8_t* buffer, std::size_t capacity) {
    std::size_t size = 0;
    while (size < capacity) {
        const auto n = ::read(fd, buffer + size, capacity - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    return static_cast<ssize_t>(size);
}

std::unexpected<Error> over_size(const std::filesystem::path& path, std::size_t max_size) {
    return fail(ErrorCode::too_large,
                path.string() + " has more than " + std::to_string(max_size) + " bytes");
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_size) {
    struct stat info{};
    SIGNET_ASSIGN(const UniqueFd fd, open_regular(path, info));
    if (static_cast<std::size_t>(info.st_size) > max_size) return over_size(path, max_size);
    std::string content(static_cast<std::size_t>(info.st_size) + 1,
                        '\0');  // one more: a file that grows is noticed
    const auto size = read_all(fd.get(), reinterpret_cast<std::uint8_t*>(content.data()), content.size());
    if (size < 0) return errno_failure(path, "read", errno);
    content.resize(static_cast<std::size_t>(size));
    if (content.size() > max_size) return over_size(path, max_size);
    return content;
}

Result<Secret> read_secret_file(const std::filesystem::path& path, std::size_t max_size) {
    struct stat info{};
    SIGNET_ASSIGN(const UniqueFd fd, open_regular(path, info));
    if ((info.st_mode & 077) != 0)
        return fail(ErrorCode::failed_precondition,
                    path.string() + " can be read by others; run: chmod 600 " + path.string());
    Secret content(max_size + 1);
    const auto size = read_all(fd.get(), content.data(), content.size());
    if (size < 0) return errno_failure(path, "read", errno);
    content.truncate(static_cast<std::size_t>(size));
    if (content.size() > max_size) return over_size(path, max_size);
    if (content.text().ends_with('\n')) content.truncate(content.size() - 1);
    if (content.text().ends_with('\r')) content.truncate(content.size() - 1);
    if (content.empty()) return fail(ErrorCode::invalid_argument, path.string() + " is empty");
    return content;
}

Status write_file_atomic(const std::filesystem::path& path, ByteView content, mode_t mode) {
    auto temporary = path;
    temporary += "." + to_hex(random_bytes(4)) + ".new";
    UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd) return errno_failure(temporary, "create", errno);
    const auto give_up = [&](std::string_view doing) {
        const int error = errno;
        ::unlink(temporary.c_str());
        return errno_failure(path, doing, error);
    };
    if (fchmod(fd.get(), mode) != 0) return give_up("set the mode of");
    std::size_t written = 0;
    while (written < content.size()) {
        const auto n = ::write(fd.get(), content.data() + written, content.size() - written);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return give_up("write");
        written += static_cast<std::size_t>(n);
    }
    if (fsync(fd.get()) != 0) return give_up("sync");
    fd.reset();
    if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up("replace");
    const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const UniqueFd directory_fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory_fd || fsync(directory_fd.get()) != 0) return errno_failure(directory, "sync", errno);
    return {};
}

}  // namespace signet
