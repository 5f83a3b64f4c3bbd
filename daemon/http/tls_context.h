// The server's side of TLS: protocol versions, the key and its certificates, and who is trusted to sign client
// certificates. Immutable once made; a reload makes a new one and hands it to Server::replace_tls.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace signet::http {

enum class ClientCertificateMode : std::uint8_t {
    none,      // not asked for
    optional,  // asked for; a connection without one goes on, one that does not verify fails the handshake
    required,  // a handshake without one fails
};

struct TlsSettings {
    // The library context that everything is made in; the key's provider must live in it. It outlives the TlsContext.
    OSSL_LIB_CTX* library = nullptr;
    // The private key, through the provider. Its provider should give up a signature after 1 s: a handshake signs
    // synchronously on one of the few threads that make handshakes.
    EVP_PKEY* key = nullptr;
    std::string_view certificate_chain_pem{};  // the server's certificate, then its chain towards the root
    std::string_view client_ca_pem{};  // trust anchors for client certificates; empty exactly for `none`
    ClientCertificateMode client_certificate = ClientCertificateMode::required;
    bool allow_tls12 = false;  // TLS 1.3 only otherwise (RFC 8446); never below 1.2
};

class TlsContext {
  public:
    // Errors: invalid_argument (no certificate in the PEM, the key does not fit it, bad anchors).
    static Result<std::shared_ptr<const TlsContext>> create(const TlsSettings& settings);
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    ~TlsContext();

    // A new server-side connection object; null when memory is short. The caller frees it (SSL_free).
    SSL* new_connection() const;

  private:
    explicit TlsContext(SSL_CTX* context) : context_(context) {}
    SSL_CTX* context_;
};

}  // namespace signet::http
