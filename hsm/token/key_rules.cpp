#include "hsm/token/key_rules.h"

#include <string>

#include "hsm/pkcs11/mechanisms.h"

namespace signet::token {
namespace {

constexpr std::size_t kMaxMessage = std::size_t{1} << 20;
constexpr std::size_t kMaxOwner = 512;
constexpr std::size_t kMaxClass = 64;
constexpr std::size_t kMaxOaepLabel = 1024;

std::unexpected<Error> refused(std::string_view name, std::string_view why) {
    return fail(ErrorCode::token_refused, "the key " + std::string(name) + " " + std::string(why));
}

}  // namespace

Status check_usage(KeyUsages usages, KeyUsage usage, std::string_view name) {
    if (usages.has(usage)) [[likely]]
        return {};
    return refused(name, "is for " + to_string(usages) + ", not for " + std::string(to_string(usage)));
}

Status check_sign(KeyAlgorithm key, KeyUsages usages, std::string_view name, SignAlgorithm algorithm,
                  KeyUsage purpose) {
    if (purpose != KeyUsage::sign && purpose != KeyUsage::certify && purpose != KeyUsage::tls) {
        return fail(ErrorCode::invalid_argument, "a signature's purpose is sign, certify or tls");
    }
    SIGNET_TRY(check_usage(usages, purpose, name));
    if (!fits(algorithm, key)) [[unlikely]] {
        return refused(name, "is of " + std::string(to_string(key)) + " and cannot sign with " +
                                 std::string(to_string(algorithm)));
    }
    return {};
}

Status check_sign_input(SignAlgorithm algorithm, ByteView input) {
    if (const auto hash = hash_of(algorithm)) {
        if (input.size() == hash_size(*hash)) [[likely]]
            return {};
        return fail(ErrorCode::invalid_argument, std::string(to_string(algorithm)) + " signs a digest of " +
                                                     std::to_string(hash_size(*hash)) + " bytes, not of " +
                                                     std::to_string(input.size()));
    }
    if (input.size() > kMaxMessage) return fail(ErrorCode::too_large, "a message to sign has 1 MiB at most");
    return {};
}

Status check_mac(KeyAlgorithm key, KeyUsages usages, std::string_view name, MacAlgorithm algorithm,
                 ByteView data) {
    SIGNET_TRY(check_usage(usages, KeyUsage::mac, name));
    if (!fits(algorithm, key)) {
        return refused(name, "is of " + std::string(to_string(key)) + ", shorter than " +
                                 std::string(to_string(algorithm)) + " asks for");
    }
    if (data.size() > kMaxMessage) return fail(ErrorCode::too_large, "data for a MAC has 1 MiB at most");
    return {};
}

Status check_binding(const KeyBinding& binding) {
    if (binding.owner.empty() || binding.owner.size() > kMaxOwner) {
        return fail(ErrorCode::invalid_argument, "the owner of a wrapped key has 1 to 512 bytes");
    }
    if (binding.key_class.empty() || binding.key_class.size() > kMaxClass) {
        return fail(ErrorCode::invalid_argument, "the class of a wrapped key has 1 to 64 bytes");
    }
    SIGNET_TRY(check_usages(binding.algorithm, binding.usages));
    for (const auto usage : {KeyUsage::audit, KeyUsage::wrap, KeyUsage::seal, KeyUsage::bind}) {
        if (binding.usages.has(usage)) {
            return fail(
                ErrorCode::invalid_argument,
                "a wrapped key cannot be for " + std::string(to_string(usage)) + "; that takes a token key");
        }
    }
    return {};
}

Status check_made_here(KeyUsages usages) {
    if (!usages.has(KeyUsage::payment)) return {};
    return fail(ErrorCode::invalid_argument, "a key of usage payment is imported, never made here");
}

Status check_oaep(HashAlgorithm oaep_hash, HashAlgorithm mgf1_hash, ByteView label) {
    for (const auto hash : {oaep_hash, mgf1_hash}) {
        if (hash == HashAlgorithm::sha1 || hash == HashAlgorithm::sha256) continue;
        return fail(ErrorCode::invalid_argument, "RSA-OAEP is offered with SHA-1 and SHA-256");
    }
    if (label.size() > kMaxOaepLabel) return fail(ErrorCode::too_large, "an OAEP label has 1 KiB at most");
    return {};
}

Status check_import(const ImportSecretRequest& request) {
    SIGNET_TRY(check_oaep(request.oaep_hash, request.mgf1_hash, request.label));
    SIGNET_TRY(check_binding(request.binding));
    if (request.binding.usages == KeyUsages(KeyUsage::payment)) return {};
    return fail(ErrorCode::invalid_argument, "an imported key is for payment and for nothing else");
}

std::vector<CK_MECHANISM_TYPE> allowed_mechanisms(KeyAlgorithm algorithm, KeyUsages usages,
                                                  const pkcs11::Quirks& quirks) {
    std::vector<CK_MECHANISM_TYPE> allowed;
    switch (algorithm) {
        case KeyAlgorithm::rsa_2048:
        case KeyAlgorithm::rsa_3072:
        case KeyAlgorithm::rsa_4096:
            if (usages != KeyUsages(KeyUsage::decrypt) && usages != KeyUsages(KeyUsage::unwrap)) {
                allowed.push_back(CKM_RSA_PKCS);
                if (usages != KeyUsages(KeyUsage::audit)) allowed.push_back(CKM_RSA_PKCS_PSS);
            }
            if (usages.has(KeyUsage::decrypt) || usages.has(KeyUsage::unwrap)) {
                allowed.push_back(CKM_RSA_PKCS_OAEP);
                if (!quirks.oaep_sha256 || !quirks.oaep_label) allowed.push_back(CKM_RSA_X_509);
            }
            break;
        case KeyAlgorithm::ec_p256:
        case KeyAlgorithm::ec_p384:
            allowed.push_back(CKM_ECDSA);
            break;
        case KeyAlgorithm::ed25519:
            allowed.push_back(CKM_EDDSA);
            break;
        case KeyAlgorithm::aes_256:
            if (usages.has(KeyUsage::wrap)) allowed.push_back(quirks.key_wrap);
            if (usages.has(KeyUsage::seal)) allowed.push_back(CKM_AES_GCM);
            if (usages.has(KeyUsage::payment)) allowed.push_back(CKM_AES_CMAC);
            break;
        // An empty list would allow everything: the mechanism of the check value, which the key's flags forbid once it
        // is wrapped.
        case KeyAlgorithm::aes_128:
        case KeyAlgorithm::aes_192:
            allowed.push_back(CKM_AES_CMAC);
            break;
        case KeyAlgorithm::tdes_2key:
        case KeyAlgorithm::tdes_3key:
            allowed.push_back(CKM_DES3_ECB);
            break;
        case KeyAlgorithm::hmac_256:
        case KeyAlgorithm::hmac_384:
        case KeyAlgorithm::hmac_512:
            allowed.push_back(CKM_SHA256_HMAC);
            if (usages.has(KeyUsage::bind)) break;
            if (fits(MacAlgorithm::hs384, algorithm)) allowed.push_back(CKM_SHA384_HMAC);
            if (fits(MacAlgorithm::hs512, algorithm)) allowed.push_back(CKM_SHA512_HMAC);
            break;
    }
    return allowed;
}

std::size_t modulus_size(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::rsa_2048:
            return 256;
        case KeyAlgorithm::rsa_3072:
            return 384;
        case KeyAlgorithm::rsa_4096:
            return 512;
        default:
            return 0;
    }
}

}  // namespace signet::token
