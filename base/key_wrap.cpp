#include "base/key_wrap.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <bit>
#include <memory>

namespace signet {
namespace {

constexpr std::uint64_t kMostMemory = std::uint64_t{64} << 20;
constexpr std::size_t kMostKey = 4096;

struct FreeCipherContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeCipherContext>;

CipherContext begin(const Secret& kek, bool encrypt) {
    CipherContext context(EVP_CIPHER_CTX_new());
    if (!context || kek.size() != 32) return nullptr;
    EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_CipherInit_ex(context.get(), EVP_aes_256_wrap(), nullptr, kek.data(), nullptr, encrypt ? 1 : 0) !=
        1)
        return nullptr;
    return context;
}

}  // namespace

Result<Secret> scrypt(ByteView password, ByteView salt, std::size_t size, ScryptParameters parameters) {
    const auto [n, r, p] = parameters;
    if (n < 2 || !std::has_single_bit(n) || r == 0 || p == 0 || r > 64 || p > 64 ||
        std::uint64_t{128} * n * r + std::uint64_t{128} * r * p > kMostMemory)
        return fail(ErrorCode::invalid_argument, "these parameters of scrypt are not supported");
    Secret out(size);
    const auto text = as_text(password);
    if (EVP_PBE_scrypt(text.data(), text.size(), salt.data(), salt.size(), n, r, p, kMostMemory + (1U << 20),
                       out.data(), out.size()) != 1)
        return fail(ErrorCode::internal, "scrypt failed");
    return out;
}

Result<Bytes> wrap_key(const Secret& kek, ByteView key) {
    const auto context = begin(kek, true);
    Bytes out(key.size() + 16);
    int size = 0, rest = 0;
    if (!context || key.empty() || key.size() > kMostKey ||
        EVP_CipherUpdate(context.get(), out.data(), &size, key.data(), static_cast<int>(key.size())) != 1 ||
        EVP_CipherFinal_ex(context.get(), out.data() + size, &rest) != 1)
        return fail(ErrorCode::internal, "wrapping a key failed");
    out.resize(static_cast<std::size_t>(size + rest));
    return out;
}

Result<Secret> unwrap_key(const Secret& kek, ByteView wrapped) {
    const auto context = begin(kek, false);
    Secret out(wrapped.size() + 16);
    int size = 0, rest = 0;
    if (!context || wrapped.size() < 24 || wrapped.size() > kMostKey || wrapped.size() % 8 != 0 ||
        EVP_CipherUpdate(context.get(), out.data(), &size, wrapped.data(),
                         static_cast<int>(wrapped.size())) != 1 ||
        EVP_CipherFinal_ex(context.get(), out.data() + size, &rest) != 1)
        return fail(ErrorCode::unprocessable, "the wrapped key was altered, or is under another key");
    out.truncate(static_cast<std::size_t>(size + rest));
    return out;
}

Result<Secret> encrypt_aes_ecb(const Secret& key, ByteView blocks) {
    const CipherContext context(EVP_CIPHER_CTX_new());
    Secret out(blocks.size());
    int size = 0;
    if (!context || key.size() != 32 || blocks.empty() || blocks.size() % 16 != 0 ||
        blocks.size() > kMostKey ||
        EVP_CipherInit_ex(context.get(), EVP_aes_256_ecb(), nullptr, key.data(), nullptr, 1) != 1 ||
        EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
        EVP_CipherUpdate(context.get(), out.data(), &size, blocks.data(), static_cast<int>(blocks.size())) !=
            1 ||
        static_cast<std::size_t>(size) != blocks.size())
        return fail(ErrorCode::internal, "deriving a key failed");
    return out;
}

Bytes hmac_sha256(ByteView key, ByteView data) {
    Bytes out(32);
    unsigned size = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(),
             &size) == nullptr)
        return {};
    return out;
}

}  // namespace signet
