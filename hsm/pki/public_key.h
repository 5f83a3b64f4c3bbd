// Public keys of the kinds we accept: RSA 2048 to 4096 bits (odd exponent from 65537), P-256, P-384, Ed25519.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "hsm/frames/key_types.h"
#include "hsm/provider/openssl_ptr.h"

namespace signet::pki {

inline constexpr std::size_t kMaxSpkiSize = 2048;  // bytes; RSA-4096 takes 550

enum class KeyType : std::uint8_t { rsa, ec_p256, ec_p384, ed25519 };

// Immutable, cheap to copy, safe to share among threads.
class PublicKey {
  public:
    // DER SubjectPublicKeyInfo (RFC 5280 section 4.1), nothing after it. Refuses weak and unknown keys,
    // explicit curve parameters, points off the curve or compressed: unprocessable; what is no DER at all:
    // invalid_argument.
    static Result<PublicKey> from_spki(ByteView der);
    // One "PUBLIC KEY" block.
    static Result<PublicKey> from_pem(std::string_view text);

    KeyType type() const { return type_; }
    int bits() const { return bits_; }  // of the modulus or the field; 256 for Ed25519
    std::string name() const;  // "rsa-2048", "ec-p256", "ec-p384", "ed25519": as KeyAlgorithm, any RSA size
    const Bytes& spki() const { return spki_; }
    std::string pem() const;
    Sha256 spki_sha256() const;  // SHA-256 over the SPKI, as in RFC 7469 pins
    Bytes key_bits() const;      // the value of subjectPublicKey, a BIT STRING without unused bits
    // SHA-1 over the subjectPublicKey bits: the key identifier of RFC 5280 section 4.2.1.2 method 1.
    Bytes key_identifier() const;
    std::string jwk_thumbprint() const;  // RFC 7638 with SHA-256, base64url
    std::string jwk() const;             // the public JWK (RFC 7517) as JSON, members in RFC 7638 order

    bool fits(SignAlgorithm algorithm) const;
    SignAlgorithm default_algorithm() const;         // RS256, ES256, ES384 or EdDSA
    evp_pkey_st* get() const { return key_.get(); }  // in software_context()

    bool operator==(const PublicKey& other) const { return spki_ == other.spki_; }

  private:
    PublicKey(std::shared_ptr<evp_pkey_st> key, KeyType type, int bits, Bytes spki)
        : key_(std::move(key)), type_(type), bits_(bits), spki_(std::move(spki)) {}

    std::shared_ptr<evp_pkey_st> key_;
    KeyType type_;
    int bits_;
    Bytes spki_;
};

}  // namespace signet::pki
