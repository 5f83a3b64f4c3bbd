#include "hsm/provider/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "hsm/provider/openssl_error.h"

namespace signet::provider {
namespace {

// What we accept from peers: no SHA-1, no PKCS#1 in TLS 1.3 (OpenSSL drops it there by itself).
constexpr const char* kPeerSchemes =
    "ECDSA+SHA256:ECDSA+SHA384:ed25519:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

const char* schemes_of(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ec_p256:
            return "ECDSA+SHA256";
        case KeyAlgorithm::ec_p384:
            return "ECDSA+SHA384";
        case KeyAlgorithm::ed25519:
            return "ed25519";
        default:
            return "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+"
                   "SHA512";
    }
}

struct BioDeleter {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};

// SSL_CTX_use_certificate_chain_file, from memory.
Status use_chain(SSL_CTX* context, const TokenKey& key, std::string_view pem) {
    const std::unique_ptr<BIO, BioDeleter> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    std::size_t count = 0;
    while (true) {
        X509Ptr certificate(X509_new_ex(key.library(), nullptr));
        X509* target = certificate.get();
        if (PEM_read_bio_X509(bio.get(), &target, nullptr, nullptr) == nullptr) {
            // It frees what it was given, and says so, when the DER is broken; not when there is no further certificate.
            (void)certificate.release();
            certificate.reset(target);
            break;
        }
        if (count == 0) {
            if (SSL_CTX_use_certificate(context, certificate.get()) != 1)
                return fail_openssl(ErrorCode::invalid_argument, "the TLS certificate cannot be used");
        } else {
            if (SSL_CTX_add0_chain_cert(context, certificate.get()) != 1)
                return fail_openssl(ErrorCode::invalid_argument,
                                    "the chain of the TLS certificate cannot be used");
            (void)certificate.release();
        }
        if (++count > 8)
            return fail(ErrorCode::too_large, "the chain of the TLS certificate is over 8 certificates");
    }
    const auto last = ERR_peek_last_error();
    const bool ended = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (count == 0 || !ended)
        return fail_openssl(ErrorCode::invalid_argument,
                            "the TLS certificate is not a PEM chain, leaf first");
    clear_openssl_errors();
    return {};
}

}  // namespace

Status use_token_key(ssl_ctx_st* context, const TokenKey& key, std::string_view certificate_chain_pem,
                     TlsRole role) {
    clear_openssl_errors();
    if (key.purpose() != KeyUsage::tls)
        return fail(ErrorCode::token_refused,
                    "the key was loaded for " + std::string(to_string(key.purpose())) + ", not for tls");
    if (certificate_chain_pem.size() > (std::size_t{256} << 10))
        return fail(ErrorCode::too_large, "the chain of the TLS certificate is over 256 KiB");
    SIGNET_TRY(use_chain(context, key, certificate_chain_pem));
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
        return fail_openssl(ErrorCode::invalid_argument,
                            "the TLS certificate is not for this key: have one issued for it");
    // For a server "sigalgs" is what it signs with and "client_sigalgs" what it takes from clients; for a
    // client the other way round.
    const char* own = schemes_of(key.algorithm());
    const bool server = role == TlsRole::server;
    if (SSL_CTX_set1_sigalgs_list(context, server ? own : kPeerSchemes) != 1 ||
        SSL_CTX_set1_client_sigalgs_list(context, server ? kPeerSchemes : own) != 1)
        return fail_openssl(ErrorCode::internal, "cannot set the TLS signature schemes");
    return {};
}

}  // namespace signet::provider
