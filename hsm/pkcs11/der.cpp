#include "hsm/pkcs11/der.h"

#include <algorithm>
#include <array>

namespace signet::pkcs11 {
namespace {

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kBitString = 0x03;
constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kSequence = 0x30;

constexpr std::array<std::uint8_t, 10> kP256{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 7> kP384{0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
constexpr std::array<std::uint8_t, 5> kEd25519{0x06, 0x03, 0x2B, 0x65, 0x70};
constexpr std::array<std::uint8_t, 9> kEcPublicKey{0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01};
// rsaEncryption with NULL parameters.
constexpr std::array<std::uint8_t, 15> kRsaEncryption{0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                                      0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00};

// DigestInfo up to the digest, as RFC 8017 section 9.2 lists them.
constexpr std::array<std::uint8_t, 15> kSha1Info{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E,
                                                 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14};
constexpr std::array<std::uint8_t, 19> sha2_info(std::uint8_t arc, std::uint8_t size) {
    return {0x30, static_cast<std::uint8_t>(17 + size),
            0x30, 0x0D,
            0x06, 0x09,
            0x60, 0x86,
            0x48, 0x01,
            0x65, 0x03,
            0x04, 0x02,
            arc,  0x05,
            0x00, 0x04,
            size};
}
constexpr auto kSha256Info = sha2_info(1, 32);
constexpr auto kSha384Info = sha2_info(2, 48);
constexpr auto kSha512Info = sha2_info(3, 64);

void append(Bytes& out, ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_header(Bytes& out, std::uint8_t tag, std::size_t size) {
    out.push_back(tag);
    if (size >= 0x100) {
        out.push_back(0x82);
        out.push_back(static_cast<std::uint8_t>(size >> 8));
    } else if (size >= 0x80) {
        out.push_back(0x81);
    }
    out.push_back(static_cast<std::uint8_t>(size));
}

ByteView without_leading_zeros(ByteView number) {
    const auto first = std::ranges::find_if(number, [](std::uint8_t byte) { return byte != 0; });
    return number.subspan(static_cast<std::size_t>(first - number.begin()));
}

void append_integer(Bytes& out, ByteView number) {
    number = without_leading_zeros(number);
    const bool pad = number.empty() || (number[0] & 0x80) != 0;
    append_header(out, kInteger, number.size() + (pad ? 1 : 0));
    if (pad) out.push_back(0);
    append(out, number);
}

Bytes subject_public_key_info(ByteView algorithm_identifier, ByteView key) {
    Bytes body;
    append(body, algorithm_identifier);
    append_header(body, kBitString, key.size() + 1);
    body.push_back(0);  // unused bits
    append(body, key);
    Bytes out;
    append_header(out, kSequence, body.size());
    append(out, body);
    return out;
}

std::size_t point_size(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ec_p256:
            return 65;
        case KeyAlgorithm::ec_p384:
            return 97;
        case KeyAlgorithm::ed25519:
            return 32;
        default:
            return 0;
    }
}

}  // namespace

Bytes ecdsa_signature_der(ByteView raw) {
    Bytes body;
    body.reserve(raw.size() + 8);
    const auto half = raw.size() / 2;
    append_integer(body, raw.first(half));
    append_integer(body, raw.subspan(half));
    Bytes out;
    out.reserve(body.size() + 3);
    append_header(out, kSequence, body.size());
    append(out, body);
    return out;
}

Bytes rsa_public_key_der(ByteView modulus, ByteView exponent) {
    Bytes numbers;
    append_integer(numbers, modulus);
    append_integer(numbers, exponent);
    Bytes key;
    append_header(key, kSequence, numbers.size());
    append(key, numbers);
    return subject_public_key_info(kRsaEncryption, key);
}

std::optional<Bytes> ec_public_key_der(KeyAlgorithm algorithm, ByteView point) {
    const auto size = point_size(algorithm);
    if (size == 0) return std::nullopt;
    // All sizes are below 128, so the OCTET STRING's header has two bytes.
    if (point.size() == size + 2 && point[0] == kOctetString && point[1] == size) point = point.subspan(2);
    if (point.size() != size) return std::nullopt;

    Bytes identifier;
    if (algorithm == KeyAlgorithm::ed25519) {
        append_header(identifier, kSequence, kEd25519.size());
        append(identifier, kEd25519);
    } else {
        if (point[0] != 0x04) return std::nullopt;  // uncompressed points only
        append_header(identifier, kSequence, kEcPublicKey.size() + ec_params(algorithm).size());
        append(identifier, kEcPublicKey);
        append(identifier, ec_params(algorithm));
    }
    return subject_public_key_info(identifier, point);
}

ByteView ec_params(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ec_p256:
            return kP256;
        case KeyAlgorithm::ec_p384:
            return kP384;
        case KeyAlgorithm::ed25519:
            return kEd25519;
        default:
            return {};
    }
}

Bytes digest_info(HashAlgorithm hash, ByteView digest) {
    Bytes out;
    out.reserve(19 + digest.size());
    switch (hash) {
        case HashAlgorithm::sha1:
            append(out, kSha1Info);
            break;
        case HashAlgorithm::sha256:
            append(out, kSha256Info);
            break;
        case HashAlgorithm::sha384:
            append(out, kSha384Info);
            break;
        case HashAlgorithm::sha512:
            append(out, kSha512Info);
            break;
    }
    append(out, digest);
    return out;
}

}  // namespace signet::pkcs11
