#include "hsm/frames/key_types.h"

#include <array>
#include <utility>

#include "base/wire.h"
#include "hsm/frames/token_interface.h"

namespace signet {
namespace {

template <class Value, std::size_t N>
using Names = std::array<std::pair<Value, std::string_view>, N>;

constexpr Names<KeyAlgorithm, 14> kKeyAlgorithms{{
    {KeyAlgorithm::rsa_2048, "rsa-2048"},
    {KeyAlgorithm::rsa_3072, "rsa-3072"},
    {KeyAlgorithm::rsa_4096, "rsa-4096"},
    {KeyAlgorithm::ec_p256, "ec-p256"},
    {KeyAlgorithm::ec_p384, "ec-p384"},
    {KeyAlgorithm::ed25519, "ed25519"},
    {KeyAlgorithm::aes_256, "aes-256"},
    {KeyAlgorithm::hmac_256, "hmac-256"},
    {KeyAlgorithm::hmac_384, "hmac-384"},
    {KeyAlgorithm::hmac_512, "hmac-512"},
    {KeyAlgorithm::aes_128, "aes-128"},
    {KeyAlgorithm::aes_192, "aes-192"},
    {KeyAlgorithm::tdes_2key, "tdes-2key"},
    {KeyAlgorithm::tdes_3key, "tdes-3key"},
}};
constexpr Names<SignAlgorithm, 9> kSignAlgorithms{{
    {SignAlgorithm::rs256, "RS256"},
    {SignAlgorithm::rs384, "RS384"},
    {SignAlgorithm::rs512, "RS512"},
    {SignAlgorithm::ps256, "PS256"},
    {SignAlgorithm::ps384, "PS384"},
    {SignAlgorithm::ps512, "PS512"},
    {SignAlgorithm::es256, "ES256"},
    {SignAlgorithm::es384, "ES384"},
    {SignAlgorithm::eddsa, "EdDSA"},
}};
constexpr Names<MacAlgorithm, 3> kMacAlgorithms{{
    {MacAlgorithm::hs256, "HS256"},
    {MacAlgorithm::hs384, "HS384"},
    {MacAlgorithm::hs512, "HS512"},
}};
constexpr Names<KeyUsage, 11> kKeyUsages{{
    {KeyUsage::sign, "sign"},
    {KeyUsage::certify, "certify"},
    {KeyUsage::tls, "tls"},
    {KeyUsage::audit, "audit"},
    {KeyUsage::decrypt, "decrypt"},
    {KeyUsage::mac, "mac"},
    {KeyUsage::wrap, "wrap"},
    {KeyUsage::seal, "seal"},
    {KeyUsage::bind, "bind"},
    {KeyUsage::unwrap, "unwrap"},
    {KeyUsage::payment, "payment"},
}};

template <class Value, std::size_t N>
std::string_view name_of(const Names<Value, N>& names, Value value) {
    for (const auto& [candidate, name] : names) {
        if (candidate == value) return name;
    }
    return "unknown";
}

template <class Value, std::size_t N>
std::optional<Value> value_of(const Names<Value, N>& names, std::string_view name) {
    for (const auto& [value, candidate] : names) {
        if (candidate == name) return value;
    }
    return std::nullopt;
}

// The usages an algorithm can serve at all.
KeyUsages possible_usages(KeyAlgorithm algorithm) {
    const auto signing = KeyUsage::sign | KeyUsage::certify | KeyUsage::tls | KeyUsage::audit;
    switch (algorithm) {
        case KeyAlgorithm::rsa_2048:
        case KeyAlgorithm::rsa_3072:
        case KeyAlgorithm::rsa_4096:
            return signing | KeyUsage::decrypt | KeyUsage::unwrap;
        case KeyAlgorithm::ec_p256:
        case KeyAlgorithm::ec_p384:
        case KeyAlgorithm::ed25519:
            return signing;
        case KeyAlgorithm::aes_256:
            return KeyUsage::wrap | KeyUsage::seal | KeyUsage::payment;
        case KeyAlgorithm::aes_128:
        case KeyAlgorithm::aes_192:
        case KeyAlgorithm::tdes_2key:
        case KeyAlgorithm::tdes_3key:
            return KeyUsage::payment;
        case KeyAlgorithm::hmac_256:
        case KeyAlgorithm::hmac_384:
        case KeyAlgorithm::hmac_512:
            return KeyUsage::mac | KeyUsage::bind;
    }
    return {};
}

}  // namespace

std::string_view to_string(KeyAlgorithm algorithm) {
    return name_of(kKeyAlgorithms, algorithm);
}
std::optional<KeyAlgorithm> key_algorithm_from(std::string_view name) {
    return value_of(kKeyAlgorithms, name);
}
std::string_view to_string(SignAlgorithm algorithm) {
    return name_of(kSignAlgorithms, algorithm);
}
std::optional<SignAlgorithm> sign_algorithm_from(std::string_view name) {
    return value_of(kSignAlgorithms, name);
}
std::string_view to_string(MacAlgorithm algorithm) {
    return name_of(kMacAlgorithms, algorithm);
}
std::optional<MacAlgorithm> mac_algorithm_from(std::string_view name) {
    return value_of(kMacAlgorithms, name);
}
std::string_view to_string(KeyUsage usage) {
    return name_of(kKeyUsages, usage);
}
std::optional<KeyUsage> key_usage_from(std::string_view name) {
    return value_of(kKeyUsages, name);
}

bool is_rsa(KeyAlgorithm algorithm) {
    return algorithm == KeyAlgorithm::rsa_2048 || algorithm == KeyAlgorithm::rsa_3072 ||
           algorithm == KeyAlgorithm::rsa_4096;
}

bool is_asymmetric(KeyAlgorithm algorithm) {
    return secret_size(algorithm) == 0;
}

std::size_t secret_size(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::aes_128:
        case KeyAlgorithm::tdes_2key:
            return 16;
        case KeyAlgorithm::aes_192:
        case KeyAlgorithm::tdes_3key:
            return 24;
        case KeyAlgorithm::aes_256:
        case KeyAlgorithm::hmac_256:
            return 32;
        case KeyAlgorithm::hmac_384:
            return 48;
        case KeyAlgorithm::hmac_512:
            return 64;
        default:
            return 0;
    }
}

std::optional<HashAlgorithm> hash_of(SignAlgorithm algorithm) {
    switch (algorithm) {
        case SignAlgorithm::rs256:
        case SignAlgorithm::ps256:
        case SignAlgorithm::es256:
            return HashAlgorithm::sha256;
        case SignAlgorithm::rs384:
        case SignAlgorithm::ps384:
        case SignAlgorithm::es384:
            return HashAlgorithm::sha384;
        case SignAlgorithm::rs512:
        case SignAlgorithm::ps512:
            return HashAlgorithm::sha512;
        case SignAlgorithm::eddsa:
            return std::nullopt;
    }
    return std::nullopt;
}

bool fits(SignAlgorithm algorithm, KeyAlgorithm key) {
    switch (algorithm) {
        case SignAlgorithm::es256:
            return key == KeyAlgorithm::ec_p256;
        case SignAlgorithm::es384:
            return key == KeyAlgorithm::ec_p384;
        case SignAlgorithm::eddsa:
            return key == KeyAlgorithm::ed25519;
        default:
            return is_rsa(key);
    }
}

std::optional<SignAlgorithm> default_sign_algorithm(KeyAlgorithm key) {
    if (is_rsa(key)) return SignAlgorithm::rs256;
    if (key == KeyAlgorithm::ec_p256) return SignAlgorithm::es256;
    if (key == KeyAlgorithm::ec_p384) return SignAlgorithm::es384;
    if (key == KeyAlgorithm::ed25519) return SignAlgorithm::eddsa;
    return std::nullopt;
}

HashAlgorithm hash_of(MacAlgorithm algorithm) {
    switch (algorithm) {
        case MacAlgorithm::hs256:
            return HashAlgorithm::sha256;
        case MacAlgorithm::hs384:
            return HashAlgorithm::sha384;
        case MacAlgorithm::hs512:
            return HashAlgorithm::sha512;
    }
    return HashAlgorithm::sha512;
}

bool fits(MacAlgorithm algorithm, KeyAlgorithm key) {
    const bool is_hmac_key =
        key == KeyAlgorithm::hmac_256 || key == KeyAlgorithm::hmac_384 || key == KeyAlgorithm::hmac_512;
    return is_hmac_key && secret_size(key) >= hash_size(hash_of(algorithm));
}

std::string to_string(KeyUsages usages) {
    std::string out;
    for (const auto& [usage, name] : kKeyUsages) {
        if (!usages.has(usage)) continue;
        if (!out.empty()) out += '+';
        out += name;
    }
    return out;
}

Status check_usages(KeyAlgorithm algorithm, KeyUsages usages) {
    if (usages.empty()) return fail(ErrorCode::invalid_argument, "a key needs at least one usage");
    if ((usages.bits() & ~possible_usages(algorithm).bits()) != 0) {
        return fail(ErrorCode::invalid_argument,
                    "a key of " + std::string(to_string(algorithm)) + " cannot have the usages " +
                        to_string(usages) + "; possible are " + to_string(possible_usages(algorithm)));
    }
    // A key that wraps, binds, seals, lets keys in or signs the audit chain has that one purpose: with another one, its
    // answers to outside requests could be turned against the first.
    for (const auto lone : {KeyUsage::audit, KeyUsage::wrap, KeyUsage::bind, KeyUsage::seal, KeyUsage::unwrap,
                            KeyUsage::payment}) {
        if (usages.has(lone) && usages != KeyUsages(lone)) {
            return fail(ErrorCode::invalid_argument,
                        "the usage " + std::string(to_string(lone)) + " cannot be combined with another one");
        }
    }
    return {};
}

std::string to_string(const KeyId& id) {
    return id.label + "/" + std::to_string(id.version);
}

Status check_label(std::string_view label) {
    bool word_start = true;
    bool good = !label.empty() && label.size() <= 64;
    for (const char c : label) {
        const bool letter = c >= 'a' && c <= 'z';
        const bool inner = letter || (c >= '0' && c <= '9') || c == '-';
        if (word_start ? !letter : !(inner || c == '.')) good = false;
        word_start = c == '.';
    }
    if (good && !word_start) return {};
    return fail(ErrorCode::invalid_argument,
                "a key label is lower-case words of a-z, 0-9 and '-' joined by dots, such as device.ca, 64 "
                "bytes at most");
}

Result<ExportedSecrets> TokenInterface::export_secrets(const ExportSecretsRequest&, Deadline) {
    return fail(ErrorCode::unsupported, "this token does not export secrets");
}
Result<std::vector<WrappedKey>> TokenInterface::import_secrets(const ImportSecretsRequest&, Deadline) {
    return fail(ErrorCode::unsupported, "this token does not import secrets");
}
Result<Secret> TokenInterface::reveal_secrets(const RevealSecretsRequest&, Deadline) {
    return fail(ErrorCode::unsupported, "this token does not show secrets");
}
Result<WrappedKey> TokenInterface::derive_secret(const DeriveSecretRequest&, Deadline) {
    return fail(ErrorCode::unsupported, "this token does not derive secrets");
}

Bytes checkpoint_message(std::uint64_t sequence, const std::array<std::uint8_t, 32>& head) {
    WireWriter writer;
    writer.raw(as_bytes("signet-checkpoint-1"));
    writer.number(std::uint8_t{0});
    writer.number(sequence);
    writer.raw(head);
    return writer.take();
}

}  // namespace signet
