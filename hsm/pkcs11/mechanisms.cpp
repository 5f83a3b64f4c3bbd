#include "hsm/pkcs11/mechanisms.h"

#include <array>
#include <charconv>
#include <string_view>
#include <type_traits>
#include <utility>

namespace signet::pkcs11 {
namespace {

#define SIGNET_CKM(name)                             \
    std::pair<CK_MECHANISM_TYPE, std::string_view> { \
        name, #name                                  \
    }
constexpr std::array kNames{
    SIGNET_CKM(CKM_RSA_PKCS_KEY_PAIR_GEN),
    SIGNET_CKM(CKM_RSA_PKCS),
    SIGNET_CKM(CKM_RSA_X_509),
    SIGNET_CKM(CKM_SHA1_RSA_PKCS),
    SIGNET_CKM(CKM_RSA_PKCS_OAEP),
    SIGNET_CKM(CKM_RSA_PKCS_PSS),
    SIGNET_CKM(CKM_SHA256_RSA_PKCS),
    SIGNET_CKM(CKM_SHA384_RSA_PKCS),
    SIGNET_CKM(CKM_SHA512_RSA_PKCS),
    SIGNET_CKM(CKM_SHA256_RSA_PKCS_PSS),
    SIGNET_CKM(CKM_SHA384_RSA_PKCS_PSS),
    SIGNET_CKM(CKM_SHA512_RSA_PKCS_PSS),
    SIGNET_CKM(CKM_EC_KEY_PAIR_GEN),
    SIGNET_CKM(CKM_ECDSA),
    SIGNET_CKM(CKM_ECDSA_SHA1),
    SIGNET_CKM(CKM_ECDSA_SHA256),
    SIGNET_CKM(CKM_ECDSA_SHA384),
    SIGNET_CKM(CKM_ECDSA_SHA512),
    SIGNET_CKM(CKM_ECDH1_DERIVE),
    SIGNET_CKM(CKM_EC_EDWARDS_KEY_PAIR_GEN),
    SIGNET_CKM(CKM_EDDSA),
    SIGNET_CKM(CKM_AES_KEY_GEN),
    SIGNET_CKM(CKM_AES_ECB),
    SIGNET_CKM(CKM_AES_CBC),
    SIGNET_CKM(CKM_AES_CBC_PAD),
    SIGNET_CKM(CKM_AES_CTR),
    SIGNET_CKM(CKM_AES_GCM),
    SIGNET_CKM(CKM_AES_CMAC),
    SIGNET_CKM(CKM_AES_KEY_WRAP),
    SIGNET_CKM(CKM_AES_KEY_WRAP_PAD),
    SIGNET_CKM(CKM_AES_ECB_ENCRYPT_DATA),
    SIGNET_CKM(CKM_AES_CBC_ENCRYPT_DATA),
    SIGNET_CKM(CKM_RSA_AES_KEY_WRAP),
    SIGNET_CKM(CKM_GENERIC_SECRET_KEY_GEN),
    SIGNET_CKM(CKM_SHA_1),
    SIGNET_CKM(CKM_SHA_1_HMAC),
    SIGNET_CKM(CKM_SHA256),
    SIGNET_CKM(CKM_SHA256_HMAC),
    SIGNET_CKM(CKM_SHA384),
    SIGNET_CKM(CKM_SHA384_HMAC),
    SIGNET_CKM(CKM_SHA512),
    SIGNET_CKM(CKM_SHA512_HMAC),
};
#undef SIGNET_CKM

CK_RSA_PKCS_MGF_TYPE mgf1(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1:
            return CKG_MGF1_SHA1;
        case HashAlgorithm::sha256:
            return CKG_MGF1_SHA256;
        case HashAlgorithm::sha384:
            return CKG_MGF1_SHA384;
        case HashAlgorithm::sha512:
            return CKG_MGF1_SHA512;
    }
    return CKG_MGF1_SHA512;
}

// PKCS#11's structures lack const; the module only reads.
unsigned char* mutable_data(ByteView view) {
    return const_cast<unsigned char*>(view.data());
}

}  // namespace

std::string mechanism_name(CK_MECHANISM_TYPE type) {
    for (const auto& [candidate, name] : kNames) {
        if (candidate == type) return std::string(name);
    }
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), type, 16).ptr;
    return "CKM 0x" + std::string(digits.data(), end);
}

CK_MECHANISM_TYPE hash_mechanism(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1:
            return CKM_SHA_1;
        case HashAlgorithm::sha256:
            return CKM_SHA256;
        case HashAlgorithm::sha384:
            return CKM_SHA384;
        case HashAlgorithm::sha512:
            return CKM_SHA512;
    }
    return CKM_SHA512;
}

CK_MECHANISM_TYPE hmac_mechanism(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1:
            return CKM_SHA_1_HMAC;
        case HashAlgorithm::sha256:
            return CKM_SHA256_HMAC;
        case HashAlgorithm::sha384:
            return CKM_SHA384_HMAC;
        case HashAlgorithm::sha512:
            return CKM_SHA512_HMAC;
    }
    return CKM_SHA512_HMAC;
}

Mechanism Mechanism::pss(HashAlgorithm hash) {
    Mechanism mechanism(CKM_RSA_PKCS_PSS);
    mechanism.parameters_ = CK_RSA_PKCS_PSS_PARAMS{hash_mechanism(hash), mgf1(hash), hash_size(hash)};
    return mechanism;
}

Mechanism Mechanism::oaep(HashAlgorithm hash, HashAlgorithm mgf1_hash, ByteView label) {
    Mechanism mechanism(CKM_RSA_PKCS_OAEP);
    // SoftHSM wants a null pointer for the empty label.
    mechanism.parameters_ =
        CK_RSA_PKCS_OAEP_PARAMS{hash_mechanism(hash), mgf1(mgf1_hash), CKZ_DATA_SPECIFIED,
                                label.empty() ? nullptr : mutable_data(label), label.size()};
    return mechanism;
}

Mechanism Mechanism::aes_ecb_encrypt_data(ByteView data) {
    Mechanism mechanism(CKM_AES_ECB_ENCRYPT_DATA);
    mechanism.parameters_ = CK_KEY_DERIVATION_STRING_DATA{mutable_data(data), data.size()};
    return mechanism;
}

Mechanism Mechanism::aes_gcm(ByteView nonce, ByteView associated_data) {
    Mechanism mechanism(CKM_AES_GCM);
    mechanism.parameters_ =
        CK_GCM_PARAMS{mutable_data(nonce),           nonce.size(),           nonce.size() * 8,
                      mutable_data(associated_data), associated_data.size(), 128};
    return mechanism;
}

CK_MECHANISM Mechanism::raw() {
    CK_MECHANISM out{type_, nullptr, 0};
    std::visit(
        [&out](auto& parameters) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(parameters)>, std::monostate>) {
                out.pParameter = &parameters;
                out.ulParameterLen = sizeof parameters;
            }
        },
        parameters_);
    return out;
}

}  // namespace signet::pkcs11
