#include "daemon/ctl/person_key.h"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/file.h"
#include "base/secret.h"
#include "hsm/pki/public_key.h"
#include "hsm/provider/openssl_error.h"
#include "hsm/provider/openssl_ptr.h"

namespace signet::ctl {
namespace {

constexpr std::size_t kMaxKeyFile = std::size_t{64} << 10;

// Reads a line from the terminal without showing it. Returns the number of bytes, -1 without a terminal.
int read_passphrase(char* buffer, int size, int /*writing*/, void* what) {
    const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0) return -1;
    const auto prompt = "passphrase of " + *static_cast<const std::string*>(what) + ": ";
    (void)!write(terminal, prompt.data(), prompt.size());
    termios shown{};
    const bool changed = tcgetattr(terminal, &shown) == 0;
    auto hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (changed) tcsetattr(terminal, TCSAFLUSH, &hidden);
    const auto count = read(terminal, buffer, static_cast<std::size_t>(size));
    if (changed) tcsetattr(terminal, TCSAFLUSH, &shown);
    (void)!write(terminal, "\n", 1);
    close(terminal);
    if (count <= 0) return -1;
    return static_cast<int>(buffer[count - 1] == '\n' ? count - 1 : count);
}

Result<Bytes> spki_of(evp_pkey_st* key) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key, &der);
    if (size <= 0) return provider::fail_openssl(ErrorCode::internal, "cannot encode a public key");
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

Result<Bytes> sign_with(evp_pkey_st* key, pki::KeyType type, ByteView message) {
    const char* const hash = type == pki::KeyType::ed25519   ? nullptr
                             : type == pki::KeyType::ec_p384 ? "SHA384"
                                                             : "SHA256";
    const provider::DigestCtxPtr context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (!context ||
        EVP_DigestSignInit_ex(context.get(), nullptr, hash, nullptr, nullptr, key, nullptr) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1)
        return provider::fail_openssl(ErrorCode::internal, "cannot sign with this key");
    Bytes signature(size);
    if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
        return provider::fail_openssl(ErrorCode::internal, "cannot sign with this key");
    signature.resize(size);
    return signature;
}

}  // namespace

Result<PersonKey> key_of_file(const std::filesystem::path& file) {
    SIGNET_ASSIGN(const auto pem, read_secret_file(file, kMaxKeyFile));
    const std::unique_ptr<BIO, decltype(&BIO_free)> input(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
    auto what = file.string();
    const std::shared_ptr<evp_pkey_st> key(
        PEM_read_bio_PrivateKey(input.get(), nullptr, read_passphrase, &what), provider::OpensslDeleter{});
    if (!key)
        return provider::fail_openssl(
            ErrorCode::invalid_argument,
            file.string() + " holds no private key in PEM, or its passphrase is another");
    SIGNET_ASSIGN(auto spki, spki_of(key.get()));
    SIGNET_ASSIGN(const auto known, pki::PublicKey::from_spki(spki));
    return PersonKey{std::move(spki), file.string(), [key, type = known.type()](ByteView message) {
                         return sign_with(key.get(), type, message);
                     }};
}

}  // namespace signet::ctl
