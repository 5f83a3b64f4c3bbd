#include "tests/hsm/token/openssl_reference.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <memory>

namespace signet::testing {
namespace {

template <auto kFree>
struct Free {
    template <class T>
    void operator()(T* object) const {
        kFree(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free<EVP_CIPHER_CTX_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;

void need(bool good) {
    if (good) return;
    ERR_print_errors_fp(stderr);
    std::abort();
}

Key public_key(ByteView spki) {
    const auto* at = spki.data();
    Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    need(key != nullptr && at == spki.data() + spki.size());
    return key;
}

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
    std::abort();
}

}  // namespace

bool openssl_verifies(ByteView spki, SignAlgorithm algorithm, ByteView message, ByteView signature) {
    const auto key = public_key(spki);
    const DigestContext context(EVP_MD_CTX_new());
    const auto hash = hash_of(algorithm);
    EVP_PKEY_CTX* key_context = nullptr;
    need(EVP_DigestVerifyInit(context.get(), &key_context, hash ? message_digest(*hash) : nullptr, nullptr,
                              key.get()) == 1);
    if (algorithm == SignAlgorithm::ps256 || algorithm == SignAlgorithm::ps384 ||
        algorithm == SignAlgorithm::ps512) {
        need(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1);
        need(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
    const bool good = EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                                       message.size()) == 1;
    ERR_clear_error();
    return good;
}

Bytes openssl_oaep_encrypt(ByteView spki, HashAlgorithm hash, HashAlgorithm mgf1_hash, ByteView label,
                           ByteView plaintext) {
    const auto key = public_key(spki);
    const KeyContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
    need(EVP_PKEY_encrypt_init(context.get()) == 1);
    need(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1);
    need(EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), message_digest(hash)) == 1);
    need(EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), message_digest(mgf1_hash)) == 1);
    if (!label.empty()) {
        auto* copy = static_cast<unsigned char*>(OPENSSL_memdup(label.data(), label.size()));
        need(EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), copy, static_cast<int>(label.size())) == 1);
    }
    std::size_t size = 0;
    need(EVP_PKEY_encrypt(context.get(), nullptr, &size, plaintext.data(), plaintext.size()) == 1);
    Bytes ciphertext(size);
    need(EVP_PKEY_encrypt(context.get(), ciphertext.data(), &size, plaintext.data(), plaintext.size()) == 1);
    ciphertext.resize(size);
    return ciphertext;
}

Bytes openssl_gcm_seal(ByteView key, ByteView nonce, ByteView associated_data, ByteView plaintext) {
    const CipherContext context(EVP_CIPHER_CTX_new());
    need(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) == 1);
    int size = 0;
    need(EVP_EncryptUpdate(context.get(), nullptr, &size, associated_data.data(),
                           static_cast<int>(associated_data.size())) == 1);
    Bytes out(plaintext.size() + 16);
    need(EVP_EncryptUpdate(context.get(), out.data(), &size, plaintext.data(),
                           static_cast<int>(plaintext.size())) == 1);
    need(EVP_EncryptFinal_ex(context.get(), out.data() + size, &size) == 1);
    need(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, 16, out.data() + plaintext.size()) == 1);
    out.insert(out.begin(), nonce.begin(), nonce.end());
    return out;
}

Bytes openssl_certificate(ByteView spki, const char* common_name, long serial) {
    const Key issuer(EVP_EC_gen("P-256"));
    const Certificate certificate(X509_new());
    const auto key = public_key(spki);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    auto* name = X509_get_subject_name(certificate.get());
    need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0) == 1);
    need(X509_set_issuer_name(certificate.get(), name) == 1);
    need(X509_set_pubkey(certificate.get(), key.get()) == 1);
    need(X509_sign(certificate.get(), issuer.get(), EVP_sha256()) > 0);
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    need(size > 0);
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

}  // namespace signet::testing
