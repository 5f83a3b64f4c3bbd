#include "daemon/http/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <vector>

#include "daemon/http/openssl_handles.h"

namespace signet::http {
namespace {

// RFC 7301: this server speaks nothing but HTTP/1.1.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void*) {
    static constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof kHttp11, offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

Status use_certificates(SSL_CTX* context, const TlsSettings& settings) {
    SIGNET_ASSIGN(auto chain, read_certificates(settings.library, settings.certificate_chain_pem));
    if (chain.empty())
        return fail(ErrorCode::invalid_argument,
                    "the TLS certificate file holds no certificate; put the server's first");
    if (SSL_CTX_use_certificate(context, chain.front().get()) != 1)
        return fail(ErrorCode::invalid_argument, "the TLS certificate cannot be used", openssl_errors());
    for (std::size_t i = 1; i < chain.size(); ++i)
        if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1)
            return fail(ErrorCode::invalid_argument, "the TLS certificate chain cannot be used",
                        openssl_errors());
    if (SSL_CTX_use_PrivateKey(context, settings.key) != 1 || SSL_CTX_check_private_key(context) != 1)
        return fail(ErrorCode::invalid_argument,
                    "the TLS certificate is not for the TLS key; issue one for the key's public half",
                    openssl_errors());
    return {};
}

// What the server signs with: a token's key may be asked for the hash of its size only (TLS 1.2 would allow others).
const char* own_schemes(const EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "EC") == 1) return EVP_PKEY_get_bits(key) > 256 ? "ECDSA+SHA384" : "ECDSA+SHA256";
    if (EVP_PKEY_is_a(key, "ED25519") == 1) return "ed25519";
    return "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512";
}

// What clients may sign with: nothing with SHA-1.
constexpr const char* kClientSchemes =
    "ECDSA+SHA256:ECDSA+SHA384:ed25519:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

Status trust_clients(SSL_CTX* context, const TlsSettings& settings) {
    if (settings.client_certificate == ClientCertificateMode::none) {
        if (!settings.client_ca_pem.empty())
            return fail(ErrorCode::invalid_argument,
                        "client_ca is set, but client certificates are not asked for");
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
        return {};
    }
    SIGNET_ASSIGN(auto anchors, read_certificates(settings.library, settings.client_ca_pem));
    if (anchors.empty())
        return fail(ErrorCode::invalid_argument,
                    "client_ca holds no certificate; client certificates need a trust anchor");
    auto* store = SSL_CTX_get_cert_store(context);
    for (const auto& anchor : anchors) {
        if (X509_STORE_add_cert(store, anchor.get()) != 1 ||
            SSL_CTX_add_client_CA(context, anchor.get()) != 1)
            return fail(ErrorCode::invalid_argument, "client_ca cannot be used", openssl_errors());
    }
    int mode = SSL_VERIFY_PEER;
    if (settings.client_certificate == ClientCertificateMode::required)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context, mode, nullptr);
    SSL_CTX_set_verify_depth(context, 5);
    return {};
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const TlsSettings& settings) {
    ERR_clear_error();
    if (settings.key == nullptr)
        return fail(ErrorCode::invalid_argument, "a TLS listener needs a private key");
    SslContextHandle context(SSL_CTX_new_ex(settings.library, nullptr, TLS_server_method()));
    if (!context) return fail(ErrorCode::internal, "TLS cannot be set up", openssl_errors());
    const int minimum = settings.allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    if (SSL_CTX_set_min_proto_version(context.get(), minimum) != 1 ||
        SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        return fail(ErrorCode::internal, "TLS cannot be set up", openssl_errors());
    SSL_CTX_set_security_level(context.get(), 2);  // RSA of 2048 bits or more, no SHA-1
    // No resumption: each connection proves its certificate anew, and no ticket key has to be kept and rotated.
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(context.get(), select_protocol, nullptr);
    SIGNET_TRY(use_certificates(context.get(), settings));
    if (SSL_CTX_set1_sigalgs_list(context.get(), own_schemes(settings.key)) != 1 ||
        SSL_CTX_set1_client_sigalgs_list(context.get(), kClientSchemes) != 1)
        return fail(ErrorCode::internal, "the TLS signature schemes cannot be set", openssl_errors());
    SIGNET_TRY(trust_clients(context.get(), settings));
    return std::shared_ptr<const TlsContext>(new TlsContext(context.release()));
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

SSL* TlsContext::new_connection() const {
    return SSL_new(context_);
}

}  // namespace signet::http
