#include "hsm/token/oaep.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "hsm/pkcs11/mechanisms.h"

// OpenSSL's own check is constant-time and reviewed by many; that its low-level name is deprecated since 3.0 does not
// change that, and EVP offers it only together with a private key of its own.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace signet::token {
namespace {

const EVP_MD* message_digest(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1:
            return EVP_sha1();
        case HashAlgorithm::sha256:
            return EVP_sha256();
        case HashAlgorithm::sha384:
            return EVP_sha384();
        case HashAlgorithm::sha512:
            return EVP_sha512();
    }
    return EVP_sha512();
}

}  // namespace

bool token_does_oaep(const pkcs11::Quirks& quirks, HashAlgorithm oaep_hash, HashAlgorithm mgf1_hash,
                     ByteView label) {
    const bool hashes = oaep_hash == HashAlgorithm::sha1 && mgf1_hash == HashAlgorithm::sha1;
    return (hashes || quirks.oaep_sha256) && (label.empty() || quirks.oaep_label);
}

std::optional<Secret> remove_oaep(const Secret& encoded, HashAlgorithm hash, HashAlgorithm mgf1_hash,
                                  ByteView label) {
    Secret plaintext(encoded.size());
    const auto size = static_cast<int>(encoded.size());
    ERR_set_mark();
    const int length = RSA_padding_check_PKCS1_OAEP_mgf1(plaintext.data(), size, encoded.data(), size, size,
                                                         label.data(), static_cast<int>(label.size()),
                                                         message_digest(hash), message_digest(mgf1_hash));
    ERR_pop_to_mark();
    if (length < 0) return std::nullopt;
    plaintext.truncate(static_cast<std::size_t>(length));
    return plaintext;
}

pkcs11::CkResult<Secret> decrypt_oaep(pkcs11::Session& session, const pkcs11::Quirks& quirks,
                                      CK_OBJECT_HANDLE key, const DecryptRequest& request) {
    Secret output(request.ciphertext.size());
    if (token_does_oaep(quirks, request.oaep_hash, request.mgf1_hash, request.label)) {
        const auto mechanism = pkcs11::Mechanism::oaep(request.oaep_hash, request.mgf1_hash, request.label);
        SIGNET_ASSIGN(const auto size,
                      session.decrypt(mechanism, key, request.ciphertext, {output.data(), output.size()}));
        output.truncate(size);
        return output;
    }
    SIGNET_ASSIGN(const auto size,
                  session.decrypt(CKM_RSA_X_509, key, request.ciphertext, {output.data(), output.size()}));
    if (size == output.size()) {
        if (auto plaintext = remove_oaep(output, request.oaep_hash, request.mgf1_hash, request.label)) {
            return *std::move(plaintext);
        }
    }
    return std::unexpected(pkcs11::Failure{CKR_ENCRYPTED_DATA_INVALID, "C_Decrypt"});
}

}  // namespace signet::token
