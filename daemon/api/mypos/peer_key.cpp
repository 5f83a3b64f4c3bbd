#include "daemon/api/mypos/peer_key.h"

#include "hsm/pki/certificate.h"
#include "hsm/pki/pkcs7.h"

namespace signet::api::mypos {
namespace {

constexpr int kBits = 2048;  // the document demands it

Result<pki::PublicKey> key_of(std::string_view pem) {
    if (pem.contains("-----BEGIN PUBLIC KEY-----")) return pki::PublicKey::from_pem(pem);
    if (pem.contains("-----BEGIN PKCS7-----")) {
        SIGNET_ASSIGN(const auto certificates, pki::certificates_of_pkcs7(pem));
        if (certificates.size() != 1)
            return fail(ErrorCode::invalid_argument, "expected one certificate in the PKCS#7 message");
        return certificates.front().public_key();
    }
    if (pem.contains("-----BEGIN CERTIFICATE-----")) {
        SIGNET_ASSIGN(const auto certificate, pki::Certificate::parse(pem));
        return certificate.public_key();
    }
    return fail(ErrorCode::invalid_argument,
                "certificate: expected PEM, of a certificate, a PKCS#7 message or a public key");
}

}  // namespace

Result<pki::PublicKey> read_peer_key(std::string_view pem, bool longer_keys) {
    SIGNET_ASSIGN(auto key, key_of(pem));
    if (key.type() != pki::KeyType::rsa)
        return fail(ErrorCode::unprocessable, "myPOS keys are RSA; this one is " + key.name());
    if (key.bits() < kBits || (key.bits() > kBits && !longer_keys))
        return fail(
            ErrorCode::unprocessable,
            "myPOS keys have 2048 bits; this one has " + std::to_string(key.bits()) +
                (key.bits() > kBits ? ", which longer_keys: true under mypos of signetd.yaml takes" : ""));
    return key;
}

}  // namespace signet::api::mypos
