#include "hsm/custody/sealed_pins.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <memory>

#include "base/encoding.h"
#include "base/yaml.h"

namespace signet::custody {
namespace {

constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr std::size_t kLongestPin = 256;
// Both PINs with a length byte pair each, padded: the size of the file tells nothing.
constexpr std::size_t kPlain = 2 * (2 + kLongestPin);

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Cipher new_cipher() {
    return {EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
}

void put(std::uint8_t* at, const Secret& pin) {
    at[0] = static_cast<std::uint8_t>(pin.size() >> 8);
    at[1] = static_cast<std::uint8_t>(pin.size());
    if (!pin.empty()) std::copy(pin.data(), pin.data() + pin.size(), at + 2);
}

Result<Secret> take(const std::uint8_t* at) {
    const auto size = static_cast<std::size_t>(at[0] << 8 | at[1]);
    if (size > kLongestPin) return fail(ErrorCode::unprocessable, "a sealed PIN is too long");
    return Secret::copy_of(ByteView(at + 2, size));
}

}  // namespace

Result<SealedPins> seal(const ShareSet& set, const Secret& key, const Pins& pins) {
    if (pins.pin.empty() || pins.pin.size() > kLongestPin || pins.so_pin.size() > kLongestPin)
        return fail(ErrorCode::invalid_argument, "a PIN has 1 to 256 bytes");
    Secret plain(kPlain);
    put(plain.data(), pins.pin);
    put(plain.data() + kPlain / 2, pins.so_pin);
    SealedPins out{set, Bytes(kNonce + kPlain + kTag)};
    if (RAND_bytes(out.sealed.data(), kNonce) != 1) std::abort();
    const auto header = to_text(set);
    const auto cipher = new_cipher();
    int size = 0;
    const bool done =
        cipher != nullptr &&
        EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), out.sealed.data()) == 1 &&
        EVP_EncryptUpdate(cipher.get(), nullptr, &size, reinterpret_cast<const unsigned char*>(header.data()),
                          static_cast<int>(header.size())) == 1 &&
        EVP_EncryptUpdate(cipher.get(), out.sealed.data() + kNonce, &size, plain.data(),
                          static_cast<int>(kPlain)) == 1 &&
        EVP_EncryptFinal_ex(cipher.get(), out.sealed.data() + kNonce + kPlain, &size) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag, out.sealed.data() + kNonce + kPlain) ==
            1;
    if (!done) return fail(ErrorCode::internal, "cannot seal the PINs");
    return out;
}

Result<Pins> unseal(const SealedPins& sealed, const Secret& key) {
    if (sealed.sealed.size() != kNonce + kPlain + kTag)
        return fail(ErrorCode::unprocessable, "the sealed PINs have a wrong size");
    const auto header = to_text(sealed.set);
    Secret plain(kPlain);
    Bytes tag(sealed.sealed.end() - static_cast<std::ptrdiff_t>(kTag), sealed.sealed.end());
    const auto cipher = new_cipher();
    int size = 0;
    const bool done =
        cipher != nullptr &&
        EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), sealed.sealed.data()) == 1 &&
        EVP_DecryptUpdate(cipher.get(), nullptr, &size, reinterpret_cast<const unsigned char*>(header.data()),
                          static_cast<int>(header.size())) == 1 &&
        EVP_DecryptUpdate(cipher.get(), plain.data(), &size, sealed.sealed.data() + kNonce,
                          static_cast<int>(kPlain)) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(cipher.get(), plain.data() + kPlain, &size) == 1;
    if (!done)
        return fail(ErrorCode::unprocessable,
                    "the file of the sealed PINs was altered; restore it from a backup");
    Pins pins;
    SIGNET_ASSIGN(pins.pin, take(plain.data()));
    SIGNET_ASSIGN(pins.so_pin, take(plain.data() + kPlain / 2));
    return pins;
}

std::string to_text(const SealedPins& sealed) {
    return to_text(sealed.set) + "sealed: \"" + to_base64(sealed.sealed) + "\"\n";
}

Result<SealedPins> parse_sealed_pins(std::string_view text, std::string name) {
    SIGNET_ASSIGN(auto set, parse_share_set(text, name));
    if (set.purpose != Purpose::pin)
        return fail(ErrorCode::invalid_argument,
                    name + " is no file of sealed PINs: its purpose is another one");
    SIGNET_ASSIGN(const auto root, yaml::Node::parse(text, std::move(name)));
    SIGNET_ASSIGN(const auto node, root.required("sealed"));
    SIGNET_ASSIGN(const auto encoded, node.text(4096));
    auto sealed = from_base64(encoded);
    if (!sealed) return node.error("expected base64");
    return SealedPins{std::move(set), *std::move(sealed)};
}

}  // namespace signet::custody
