#include "hsm/token/signing.h"

#include <array>

#include "hsm/pkcs11/der.h"
#include "hsm/pkcs11/mechanisms.h"
#include "hsm/token/key_rules.h"

namespace signet::token {
namespace {

using pkcs11::CkResult;
using pkcs11::Failure;
using pkcs11::Mechanism;

CkResult<Bytes> sign_rsa(pkcs11::Session& session, CK_OBJECT_HANDLE key, KeyAlgorithm key_algorithm,
                         Mechanism mechanism, ByteView input) {
    Bytes signature(modulus_size(key_algorithm));
    SIGNET_ASSIGN(const auto size, session.sign(mechanism, key, input, signature));
    // RFC 8017 section 8.1.1: as long as the modulus, always.
    if (size != signature.size()) return std::unexpected(Failure{CKR_GENERAL_ERROR, "C_Sign"});
    return signature;
}

// A token answers r ‖ s, each as long as the curve's order (PKCS#11 v2.40 current mechanisms, section 2.3.1).
template <std::size_t kSize>
CkResult<Bytes> sign_ecdsa(pkcs11::Session& session, CK_OBJECT_HANDLE key, ByteView input) {
    std::array<std::uint8_t, kSize> raw{};
    SIGNET_ASSIGN(const auto size, session.sign(CKM_ECDSA, key, input, raw));
    if (size != raw.size()) return std::unexpected(Failure{CKR_GENERAL_ERROR, "C_Sign"});
    return pkcs11::ecdsa_signature_der(raw);
}

}  // namespace

CkResult<Bytes> sign(pkcs11::Session& session, CK_OBJECT_HANDLE key, KeyAlgorithm key_algorithm,
                     SignAlgorithm algorithm, ByteView input) {
    switch (algorithm) {
        case SignAlgorithm::rs256:
        case SignAlgorithm::rs384:
        case SignAlgorithm::rs512: {
            const auto hash = hash_of(algorithm).value_or(HashAlgorithm::sha256);
            return sign_rsa(session, key, key_algorithm, CKM_RSA_PKCS, pkcs11::digest_info(hash, input));
        }
        case SignAlgorithm::ps256:
        case SignAlgorithm::ps384:
        case SignAlgorithm::ps512: {
            const auto hash = hash_of(algorithm).value_or(HashAlgorithm::sha256);
            return sign_rsa(session, key, key_algorithm, Mechanism::pss(hash), input);
        }
        case SignAlgorithm::es256:
            return sign_ecdsa<64>(session, key, input);
        case SignAlgorithm::es384:
            return sign_ecdsa<96>(session, key, input);
        case SignAlgorithm::eddsa: {
            Bytes signature(64);  // RFC 8032 section 5.1.6
            SIGNET_ASSIGN(const auto size, session.sign(CKM_EDDSA, key, input, signature));
            if (size != signature.size()) return std::unexpected(Failure{CKR_GENERAL_ERROR, "C_Sign"});
            return signature;
        }
    }
    return std::unexpected(Failure{CKR_MECHANISM_INVALID, "sign"});
}

CkResult<Bytes> hmac(pkcs11::Session& session, CK_OBJECT_HANDLE key, MacAlgorithm algorithm, ByteView data) {
    Bytes mac(hash_size(hash_of(algorithm)));
    SIGNET_ASSIGN(const auto size, session.sign(pkcs11::hmac_mechanism(hash_of(algorithm)), key, data, mac));
    if (size != mac.size()) return std::unexpected(Failure{CKR_GENERAL_ERROR, "C_Sign"});
    return mac;
}

}  // namespace signet::token
