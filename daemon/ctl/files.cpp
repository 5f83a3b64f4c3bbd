#include "daemon/ctl/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>

#include "base/unique_fd.h"

namespace signet::ctl {
namespace {

Status for_each_block(const std::filesystem::path& path, const std::function<Status(ByteView)>& take) {
    UniqueFd file;
    int fd = STDIN_FILENO;
    if (path != "-") {
        file = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!file)
            return fail(errno == ENOENT   ? ErrorCode::not_found
                        : errno == EACCES ? ErrorCode::permission_denied
                                          : ErrorCode::internal,
                        "cannot open " + path.string() + ": " + std::strerror(errno));
        fd = file.get();
    }
    std::array<std::uint8_t, 65536> block{};
    for (;;) {
        const auto size = ::read(fd, block.data(), block.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0)
            return fail(ErrorCode::internal, "cannot read " + path.string() + ": " + std::strerror(errno));
        if (size == 0) return {};
        SIGNET_TRY(take(ByteView(block).first(static_cast<std::size_t>(size))));
    }
}

const EVP_MD* digest_method(HashAlgorithm algorithm) {
    switch (algorithm) {
        case HashAlgorithm::sha1:
            return EVP_sha1();
        case HashAlgorithm::sha256:
            return EVP_sha256();
        case HashAlgorithm::sha384:
            return EVP_sha384();
        case HashAlgorithm::sha512:
            return EVP_sha512();
    }
    return nullptr;
}

}  // namespace

Result<std::string> read_input(const std::filesystem::path& path, std::size_t max_size) {
    std::string content;
    SIGNET_TRY(for_each_block(path, [&](ByteView block) -> Status {
        if (content.size() + block.size() > max_size)
            return fail(ErrorCode::too_large,
                        path.string() + " has more than " + std::to_string(max_size) + " bytes");
        content.append(as_text(block));
        return {};
    }));
    return content;
}

Result<Bytes> hash_input(const std::filesystem::path& path, HashAlgorithm algorithm) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (!context || EVP_DigestInit_ex(context.get(), digest_method(algorithm), nullptr) != 1)
        return fail(ErrorCode::internal, "cannot start a digest");
    SIGNET_TRY(for_each_block(path, [&](ByteView block) -> Status {
        if (EVP_DigestUpdate(context.get(), block.data(), block.size()) != 1)
            return fail(ErrorCode::internal, "cannot compute a digest");
        return {};
    }));
    Bytes digest(hash_size(algorithm));
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1 || size != digest.size())
        return fail(ErrorCode::internal, "cannot finish a digest");
    return digest;
}

}  // namespace signet::ctl
