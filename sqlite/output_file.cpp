#include "sqlite/output_file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/encoding.h"
#include "base/random.h"

namespace signet::sqlite {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 20;

std::unexpected<Error> failure(std::string_view doing, const std::filesystem::path& path, int error) {
    auto code = ErrorCode::storage_failed;
    if (error == ENOSPC || error == EDQUOT) code = ErrorCode::storage_full;
    if (error == EACCES || error == EPERM) code = ErrorCode::permission_denied;
    if (error == ENOENT) code = ErrorCode::not_found;
    return fail(code, "cannot " + std::string(doing) + " " + path.string() + ": " + std::strerror(error));
}

std::unexpected<Error> exists_already(const std::filesystem::path& path) {
    return fail(ErrorCode::already_exists, path.string() + " exists already; choose another name");
}

std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> new_digest() {
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) context.reset();
    return context;
}

std::filesystem::path directory_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

TemporaryFile::TemporaryFile(const std::filesystem::path& path) : path_(path) {
    path_ += "." + to_hex(random_bytes(4)) + ".new";
}

TemporaryFile::~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

Status TemporaryFile::publish(const std::filesystem::path& name) {
    {
        const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (!file || ::fsync(file.get()) != 0) return failure("sync", path_, errno);
    }
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) != 0) {
        if (errno == EEXIST) return exists_already(name);
        if (errno != EINVAL && errno != ENOSYS) return failure("rename a file to", name, errno);
        // A file system without the flag.
        std::error_code ignored;
        if (std::filesystem::exists(name, ignored)) return exists_already(name);
        if (::rename(path_.c_str(), name.c_str()) != 0) return failure("rename a file to", name, errno);
    }
    path_.clear();
    const auto directory = directory_of(name);
    const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) return failure("sync", directory, errno);
    return {};
}

void OutputFile::FreeDigest::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)), temporary_(path_) {
    digest_.reset(new_digest().release());
    buffer_.reserve(kBuffer);
}

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return exists_already(path);
    OutputFile file(path);
    if (!file.digest_) return fail(ErrorCode::internal, "SHA-256 is not available");
    file.fd_ = UniqueFd(
        ::open(file.temporary_.path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.fd_) return failure("create", file.temporary_.path(), errno);
    return file;
}

Status OutputFile::write(std::string_view data) {
    if (buffer_.size() + data.size() > kBuffer) SIGNET_TRY(flush());
    buffer_.append(data);
    size_ += data.size();
    return {};
}

Status OutputFile::flush() {
    if (EVP_DigestUpdate(digest_.get(), buffer_.data(), buffer_.size()) != 1)
        return fail(ErrorCode::internal, "SHA-256 failed");
    std::string_view rest(buffer_);
    while (!rest.empty()) {
        const auto written = ::write(fd_.get(), rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failure("write", temporary_.path(), errno);
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    buffer_.clear();
    return {};
}

Result<Sha256> OutputFile::finish() {
    SIGNET_TRY(flush());
    Sha256 digest{};
    if (EVP_DigestFinal_ex(digest_.get(), digest.data(), nullptr) != 1)
        return fail(ErrorCode::internal, "SHA-256 failed");
    fd_.reset();
    SIGNET_TRY(temporary_.publish(path_));
    return digest;
}

Result<Sha256> digest_file(const std::filesystem::path& path, std::uint64_t* size) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return failure("open", path, errno);
    const auto context = new_digest();
    if (!context) return fail(ErrorCode::internal, "SHA-256 is not available");
    std::vector<char> buffer(kBuffer);
    std::uint64_t total = 0;
    while (true) {
        const auto got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failure("read", path, errno);
        if (got == 0) break;
        total += static_cast<std::uint64_t>(got);
        if (EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(got)) != 1)
            return fail(ErrorCode::internal, "SHA-256 failed");
    }
    Sha256 digest{};
    if (EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1)
        return fail(ErrorCode::internal, "SHA-256 failed");
    if (size != nullptr) *size = total;
    return digest;
}

}  // namespace signet::sqlite
