// Mechanisms with their parameters (PKCS#11 v2.40 current mechanisms), and their names.
#pragma once

#include <p11-kit/pkcs11.h>

#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/digest.h"

namespace signet::pkcs11 {

// "CKM_RSA_PKCS_PSS", or "CKM 0x80000001" for what this code does not use.
std::string mechanism_name(CK_MECHANISM_TYPE type);

// CKM_SHA_1, CKM_SHA256, …
CK_MECHANISM_TYPE hash_mechanism(HashAlgorithm hash);
CK_MECHANISM_TYPE hmac_mechanism(HashAlgorithm hash);

// A value; the views it was made from must outlive it.
class Mechanism {
  public:
    Mechanism(CK_MECHANISM_TYPE type)
        : type_(type) {}  // NOLINT(google-explicit-constructor): those without parameters
    // Salt as long as the hash, MGF1 with the same hash (RFC 7518 section 3.5).
    static Mechanism pss(HashAlgorithm hash);
    static Mechanism oaep(HashAlgorithm hash, HashAlgorithm mgf1_hash, ByteView label);
    // `nonce` 12 bytes, tag 16 bytes at the end of the ciphertext (NIST SP 800-38D).
    static Mechanism aes_gcm(ByteView nonce, ByteView associated_data);

    // Key derivation by encrypting (section 2.16 of the current mechanisms); `data` whole blocks of 16 bytes.
    static Mechanism aes_ecb_encrypt_data(ByteView data);

    CK_MECHANISM_TYPE type() const { return type_; }
    // Points into this object.
    CK_MECHANISM raw();

  private:
    CK_MECHANISM_TYPE type_;
    std::variant<std::monostate, CK_RSA_PKCS_PSS_PARAMS, CK_RSA_PKCS_OAEP_PARAMS, CK_GCM_PARAMS,
                 CK_KEY_DERIVATION_STRING_DATA>
        parameters_;
};

}  // namespace signet::pkcs11
