// What both sides of the token socket call keys: names, algorithms, usages, and the two kinds of key.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"

namespace signet {

enum class KeyAlgorithm : std::uint8_t {
    rsa_2048 = 1,
    rsa_3072 = 2,
    rsa_4096 = 3,
    ec_p256 = 4,
    ec_p384 = 5,
    ed25519 = 6,
    aes_256 = 7,
    hmac_256 = 8,   // a generic secret of 32 bytes
    hmac_384 = 9,   // 48 bytes
    hmac_512 = 10,  // 64 bytes
    aes_128 = 11,   // this and the next three are imported only, as keys of payments
    aes_192 = 12,
    tdes_2key = 13,  // triple DES (NIST SP 800-67) with two keys, 16 bytes with parity
    tdes_3key = 14,  // with three, 24 bytes
};
std::string_view to_string(
    KeyAlgorithm algorithm);  // "rsa-2048", "ec-p256", "ed25519", "aes-256", "hmac-256", …
std::optional<KeyAlgorithm> key_algorithm_from(std::string_view name);
bool is_rsa(KeyAlgorithm algorithm);
bool is_asymmetric(KeyAlgorithm algorithm);
// Bytes of a secret key's value; 0 for asymmetric keys.
std::size_t secret_size(KeyAlgorithm algorithm);

// Names are JOSE's (RFC 7518 section 3.1, RFC 8037 section 3.1).
enum class SignAlgorithm : std::uint8_t {
    rs256 = 1,
    rs384 = 2,
    rs512 = 3,  // RSASSA-PKCS1-v1_5
    ps256 = 4,
    ps384 = 5,
    ps512 = 6,  // RSASSA-PSS, MGF1 and salt of the hash's size
    es256 = 7,
    es384 = 8,  // ECDSA on P-256 with SHA-256, on P-384 with SHA-384
    eddsa = 9,  // Ed25519
};
std::string_view to_string(SignAlgorithm algorithm);  // "RS256", …, "EdDSA"
std::optional<SignAlgorithm> sign_algorithm_from(std::string_view name);
// nullopt for EdDSA, which signs the message itself.
std::optional<HashAlgorithm> hash_of(SignAlgorithm algorithm);
bool fits(SignAlgorithm algorithm, KeyAlgorithm key);
// What a key signs with when nothing else is said: RS256, ES256, ES384 or EdDSA.
std::optional<SignAlgorithm> default_sign_algorithm(KeyAlgorithm key);

enum class MacAlgorithm : std::uint8_t { hs256 = 1, hs384 = 2, hs512 = 3 };
std::string_view to_string(MacAlgorithm algorithm);  // "HS256", …
std::optional<MacAlgorithm> mac_algorithm_from(std::string_view name);
HashAlgorithm hash_of(MacAlgorithm algorithm);
// RFC 7518 section 3.2: the key must be at least as long as the hash output.
bool fits(MacAlgorithm algorithm, KeyAlgorithm key);

// What a key may be used for; each request names the one it needs, and the worker refuses any other.
enum class KeyUsage : std::uint16_t {
    sign = 1 << 0,      // documents, tokens, messages
    certify = 1 << 1,   // certificates, CRLs, OCSP answers
    tls = 1 << 2,       // TLS handshakes
    audit = 1 << 3,     // checkpoints of the audit chain, and nothing else
    decrypt = 1 << 4,   // RSA-OAEP
    mac = 1 << 5,       // HMAC
    wrap = 1 << 6,      // wraps and unwraps keys inside the token
    seal = 1 << 7,      // AES-256-GCM over small secrets of the daemon (answers shown once)
    bind = 1 << 8,      // HMAC that binds a wrapped key to its owner; only the worker uses it
    unwrap = 1 << 9,    // RSA-OAEP of keys that come from outside: they stay in the token, never given out
    payment = 1 << 10,  // a key that came so, kept for its owner
};
std::string_view to_string(KeyUsage usage);
std::optional<KeyUsage> key_usage_from(std::string_view name);

class KeyUsages {
  public:
    constexpr KeyUsages() = default;
    constexpr KeyUsages(KeyUsage usage)
        : bits_(static_cast<std::uint16_t>(usage)) {}  // NOLINT(google-explicit-constructor)
    static constexpr KeyUsages from_bits(std::uint16_t bits) {
        KeyUsages usages;
        usages.bits_ = bits;
        return usages;
    }
    constexpr KeyUsages operator|(KeyUsages other) const { return from_bits(bits_ | other.bits_); }
    constexpr bool has(KeyUsage usage) const { return (bits_ & static_cast<std::uint16_t>(usage)) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr std::uint16_t bits() const { return bits_; }
    constexpr bool operator==(const KeyUsages&) const = default;

  private:
    std::uint16_t bits_ = 0;
};
constexpr KeyUsages operator|(KeyUsage a, KeyUsage b) {
    return KeyUsages(a) | KeyUsages(b);
}
std::string to_string(KeyUsages usages);  // "sign+decrypt"
// Usages that contradict each other or the algorithm (an RSA key for mac, wrap together with anything) are refused.
Status check_usages(KeyAlgorithm algorithm, KeyUsages usages);

// One version of a named token key: `mpoc.ca`, 2. Labels: lower-case words of a-z, 0-9 and '-', joined by dots,
// each beginning with a letter, 64 bytes at most. Versions count from 1.
struct KeyId {
    std::string label;
    std::uint32_t version = 1;
    auto operator<=>(const KeyId&) const = default;
};
std::string to_string(const KeyId& id);  // "mpoc.ca/2"
Status check_label(std::string_view label);

// The owner and purpose a wrapped key is bound to: key wrap has no associated data, so a MAC by a token key covers
// these fields together with the blob. Without it the same blob would unwrap for another owner.
struct KeyBinding {
    std::string owner;      // "paycontrol:<system id>:<user id>"; 512 bytes at most
    std::string key_class;  // "paycontrol.user.k1", "mpoc.kek", …; 64 bytes at most
    std::uint32_t index = 0;
    std::uint32_t version = 1;
    KeyAlgorithm algorithm = KeyAlgorithm::ec_p256;
    KeyUsages usages;
    bool operator==(const KeyBinding&) const = default;
};

// A key that was made in the token and lives outside it as a blob under a token key (CKM_AES_KEY_WRAP_PAD).
struct WrappedKey {
    KeyId wrapping_key;  // usage wrap
    KeyId binding_key;   // usage bind
    KeyBinding binding;
    Bytes blob;  // 4 KiB at most
    Bytes mac;   // HMAC-SHA-256 over binding and blob, 32 bytes
};

using KeySelector = std::variant<KeyId, WrappedKey>;

// Key attributes as the token itself reports them (PKCS#11 v2.40 sections 4.9 and 4.10).
struct KeyAttributes {
    bool sensitive = false;
    bool always_sensitive = false;
    bool extractable = false;
    bool never_extractable = false;
    bool local = false;
    bool operator==(const KeyAttributes&) const = default;
};

struct KeyInfo {
    KeyId id;
    KeyAlgorithm algorithm = KeyAlgorithm::ec_p256;
    KeyUsages usages;
    KeyAttributes attributes;
    Bytes public_key;  // DER SubjectPublicKeyInfo (RFC 5280 section 4.1); empty for AES and HMAC keys
};

}  // namespace signet
