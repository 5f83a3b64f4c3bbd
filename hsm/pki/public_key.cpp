#include "hsm/pki/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "hsm/pki/pem.h"
#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

using provider::fail_openssl;

struct BignumDeleter {
    void operator()(BIGNUM* number) const noexcept { BN_free(number); }
};
using BignumPtr = std::unique_ptr<BIGNUM, BignumDeleter>;

std::unexpected<Error> refused(std::string message) {
    return fail(ErrorCode::unprocessable, std::move(message));
}

BignumPtr number_of(EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key, name, &number);
    return BignumPtr(number);
}

Bytes bytes_of(const BIGNUM* number, int size) {
    Bytes out(static_cast<std::size_t>(size));
    BN_bn2binpad(number, out.data(), size);
    return out;
}

Status check_rsa(EVP_PKEY* key) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < 2048 || bits > 4096)
        return refused("the RSA key has " + std::to_string(bits) + " bits; 2048 to 4096 are accepted");
    const auto exponent = number_of(key, OSSL_PKEY_PARAM_RSA_E);
    const auto modulus = number_of(key, OSSL_PKEY_PARAM_RSA_N);
    if (!exponent || !modulus) return fail_openssl(ErrorCode::internal, "cannot read the RSA key");
    // FIPS 186-5 section 5.4: 2^16 < e < 2^256, e odd.
    if (BN_is_odd(exponent.get()) != 1 || BN_num_bits(exponent.get()) < 17 ||
        BN_num_bits(exponent.get()) > 256)
        return refused("the public exponent of the RSA key is even, below 65537 or too long");
    if (BN_is_odd(modulus.get()) != 1) return refused("the modulus of the RSA key is even");
    return {};
}

// The one encoding of each kind, up to the point: a named curve, uncompressed. OpenSSL would also read explicit
// parameters (CVE-2020-0601 was about those) and compressed points, and writes them back as they came.
constexpr std::array<std::uint8_t, 27> kP256Header{0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr std::array<std::uint8_t, 24> kP384Header{0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
                                                   0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
                                                   0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};

Result<KeyType> check_ec(ByteView spki) {
    const auto begins_with = [&](ByteView header) {
        return spki.size() > header.size() && std::ranges::equal(spki.first(header.size()), header);
    };
    if (begins_with(kP256Header)) return KeyType::ec_p256;
    if (begins_with(kP384Header)) return KeyType::ec_p384;
    return refused("the EC key is not on P-256 or P-384 by name, with an uncompressed point");
}

Bytes canonical_spki(EVP_PKEY* key) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key, &der);
    if (size <= 0) return {};
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

std::string member(const char* name, const BIGNUM* number, int size) {
    return std::string("\"") + name + "\":\"" + to_base64url(bytes_of(number, size)) + "\"";
}

}  // namespace

Result<PublicKey> PublicKey::from_spki(ByteView der) {
    if (der.size() > kMaxSpkiSize) return fail(ErrorCode::too_large, "the public key is over 2048 bytes");
    provider::clear_openssl_errors();
    const auto* cursor = der.data();
    std::shared_ptr<EVP_PKEY> key(
        d2i_PUBKEY_ex(nullptr, &cursor, static_cast<long>(der.size()), provider::software_context(), nullptr),
        provider::OpensslDeleter{});
    if (!key)
        return fail_openssl(ErrorCode::invalid_argument,
                            "the public key is malformed or of a kind unknown here");
    if (cursor != der.data() + der.size())
        return fail(ErrorCode::invalid_argument, "there is something after the public key");
    auto type = KeyType::rsa;
    if (EVP_PKEY_is_a(key.get(), "RSA") == 1) {
        SIGNET_TRY(check_rsa(key.get()));
    } else if (EVP_PKEY_is_a(key.get(), "EC") == 1) {
        SIGNET_ASSIGN(type, check_ec(der));
    } else if (EVP_PKEY_is_a(key.get(), "ED25519") == 1) {
        type = KeyType::ed25519;
    } else {
        return refused("the public key is neither RSA nor EC nor Ed25519");
    }
    // Encoding it again must give the same bytes: that rules out BER and odd parameters.
    auto spki = canonical_spki(key.get());
    if (!std::ranges::equal(spki, der)) return refused("the public key is not encoded the one usual way");
    const provider::PkeyCtxPtr context(
        EVP_PKEY_CTX_new_from_pkey(provider::software_context(), key.get(), nullptr));
    if (context == nullptr || EVP_PKEY_public_check_quick(context.get()) != 1) {
        provider::clear_openssl_errors();
        return refused("the public key is not a valid one of its kind");
    }
    const int bits = type == KeyType::ed25519 ? 256 : EVP_PKEY_get_bits(key.get());
    return PublicKey(std::move(key), type, bits, std::move(spki));
}

Result<PublicKey> PublicKey::from_pem(std::string_view text) {
    if (text.size() > 2 * kMaxSpkiSize)
        return fail(ErrorCode::too_large, "the public key is over 4096 bytes of PEM");
    SIGNET_ASSIGN(const auto der, pki::from_pem(text, {"PUBLIC KEY"}));
    return from_spki(der);
}

std::string PublicKey::name() const {
    switch (type_) {
        case KeyType::rsa:
            return "rsa-" + std::to_string(bits_);
        case KeyType::ec_p256:
            return "ec-p256";
        case KeyType::ec_p384:
            return "ec-p384";
        case KeyType::ed25519:
            return "ed25519";
    }
    return {};
}

std::string PublicKey::pem() const {
    return to_pem("PUBLIC KEY", spki_);
}

Sha256 PublicKey::spki_sha256() const {
    return sha256(spki_);
}

Bytes PublicKey::key_bits() const {
    X509_PUBKEY* encoded = nullptr;
    const unsigned char* bits = nullptr;
    int size = 0;
    Bytes out;
    if (X509_PUBKEY_set(&encoded, key_.get()) == 1 &&
        X509_PUBKEY_get0_param(nullptr, &bits, &size, nullptr, encoded) == 1)
        out.assign(bits, bits + size);
    X509_PUBKEY_free(encoded);
    return out;
}

Bytes PublicKey::key_identifier() const {
    return digest(HashAlgorithm::sha1, key_bits());
}

std::string PublicKey::jwk() const {
    if (type_ == KeyType::ed25519)
        return R"({"crv":"Ed25519","kty":"OKP","x":")" + to_base64url(key_bits()) + "\"}";
    if (type_ == KeyType::rsa) {
        const auto e = number_of(key_.get(), OSSL_PKEY_PARAM_RSA_E);
        const auto n = number_of(key_.get(), OSSL_PKEY_PARAM_RSA_N);
        return "{" + member("e", e.get(), BN_num_bytes(e.get())) + R"(,"kty":"RSA",)" +
               member("n", n.get(), BN_num_bytes(n.get())) + "}";
    }
    const auto x = number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X);
    const auto y = number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
    const std::string curve = type_ == KeyType::ec_p256 ? "P-256" : "P-384";
    return R"({"crv":")" + curve + R"(","kty":"EC",)" + member("x", x.get(), bits_ / 8) + "," +
           member("y", y.get(), bits_ / 8) + "}";
}

std::string PublicKey::jwk_thumbprint() const {
    return to_base64url(sha256(as_bytes(jwk())));
}

bool PublicKey::fits(SignAlgorithm algorithm) const {
    switch (algorithm) {
        case SignAlgorithm::es256:
            return type_ == KeyType::ec_p256;
        case SignAlgorithm::es384:
            return type_ == KeyType::ec_p384;
        case SignAlgorithm::eddsa:
            return type_ == KeyType::ed25519;
        default:
            return type_ == KeyType::rsa;
    }
}

SignAlgorithm PublicKey::default_algorithm() const {
    switch (type_) {
        case KeyType::rsa:
            return SignAlgorithm::rs256;
        case KeyType::ec_p256:
            return SignAlgorithm::es256;
        case KeyType::ec_p384:
            return SignAlgorithm::es384;
        case KeyType::ed25519:
            return SignAlgorithm::eddsa;
    }
    return SignAlgorithm::rs256;
}

}  // namespace signet::pki
