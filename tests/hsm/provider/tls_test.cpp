// Handshakes with mutual authentication in memory, both private keys in the token.
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

#include "hsm/provider/openssl_error.h"
#include "hsm/provider/tls.h"
#include "tests/hsm/provider/token_fixture.h"
#include "tests/support/software_token.h"

namespace signet::testing {
namespace {

using provider::SslCtxPtr;
using provider::TlsRole;
using provider::TokenKey;
using provider::X509Ptr;

struct SslDeleter {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

class ProviderTls : public TokenTest {
  protected:
    struct Identity {
        std::unique_ptr<TokenKey> key;
        X509Ptr certificate;
        std::string pem;
    };

    Identity identity(const std::string& name, KeyAlgorithm algorithm) {
        const auto info = make(name, algorithm, KeyUsage::tls | KeyUsage::certify);
        const auto issuer = load(info, KeyUsage::certify);
        Identity made{std::make_unique<TokenKey>(load(info, KeyUsage::tls)),
                      X509Ptr(X509_new_ex(library().get(), nullptr)),
                      {}};
        auto* certificate = made.certificate.get();
        X509_set_version(certificate, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
        auto* subject = X509_get_subject_name(certificate);
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
        X509_set_issuer_name(certificate, subject);
        X509_set_pubkey(certificate, issuer.get());
        const EVP_MD* digest = algorithm == KeyAlgorithm::ed25519   ? nullptr
                               : algorithm == KeyAlgorithm::ec_p384 ? EVP_sha384()
                                                                    : EVP_sha256();
        EXPECT_GT(X509_sign(certificate, issuer.get(), digest), 0);
        BIO* out = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(out, certificate);
        char* data = nullptr;
        const auto size = BIO_get_mem_data(out, &data);
        made.pem.assign(data, static_cast<std::size_t>(size));
        BIO_free(out);
        return made;
    }

    SslCtxPtr context(const Identity& own, const Identity& peer, TlsRole role, int version) {
        const bool server = role == TlsRole::server;
        SslCtxPtr made(
            SSL_CTX_new_ex(library().get(), nullptr, server ? TLS_server_method() : TLS_client_method()));
        SSL_CTX_set_min_proto_version(made.get(), version);
        SSL_CTX_set_max_proto_version(made.get(), version);
        const auto used = provider::use_token_key(made.get(), *own.key, own.pem, role);
        EXPECT_TRUE(used) << used.error().message << ": " << used.error().detail;
        X509_STORE_add_cert(SSL_CTX_get_cert_store(made.get()), peer.certificate.get());
        SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        return made;
    }

    // Both ends, connected by memory; true when both finished and a message came through.
    static bool shake_hands(SSL_CTX* server_context, SSL_CTX* client_context) {
        const SslPtr server(SSL_new(server_context)), client(SSL_new(client_context));
        BIO *server_bio = nullptr, *client_bio = nullptr;
        BIO_new_bio_pair(&server_bio, 0, &client_bio, 0);
        SSL_set_bio(server.get(), server_bio, server_bio);
        SSL_set_bio(client.get(), client_bio, client_bio);
        SSL_set_accept_state(server.get());
        SSL_set_connect_state(client.get());
        bool server_done = false, client_done = false;
        for (int turn = 0; turn < 50 && !(server_done && client_done); ++turn) {
            client_done = SSL_do_handshake(client.get()) == 1;
            server_done = SSL_do_handshake(server.get()) == 1;
        }
        if (!server_done || !client_done) return false;
        char text[4] = {};
        return SSL_write(client.get(), "ping", 4) == 4 && SSL_read(server.get(), text, 4) == 4 &&
               std::string_view(text, 4) == "ping" && SSL_get0_peer_certificate(server.get()) != nullptr;
    }

    void TearDown() override { provider::clear_openssl_errors(); }
};

TEST_P(ProviderTls, ShakesHandsWithMutualAuthentication) {
    for (const auto algorithm :
         {KeyAlgorithm::ec_p256, KeyAlgorithm::rsa_2048, KeyAlgorithm::ec_p384, KeyAlgorithm::ed25519}) {
        const std::string suffix(to_string(algorithm));
        const auto server = identity("server." + suffix, algorithm);
        const auto client = identity("client." + suffix, algorithm);
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            const auto server_context = context(server, client, TlsRole::server, version);
            const auto client_context = context(client, server, TlsRole::client, version);
            EXPECT_TRUE(shake_hands(server_context.get(), client_context.get()))
                << suffix << " " << version << ": "
                << provider::fail_openssl(ErrorCode::internal, "").error().detail;
        }
    }
}

TEST_P(ProviderTls, MixesKindsOfKeys) {
    const auto server = identity("server", KeyAlgorithm::ec_p256);
    const auto client = identity("client", KeyAlgorithm::rsa_2048);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const auto server_context = context(server, client, TlsRole::server, version);
        const auto client_context = context(client, server, TlsRole::client, version);
        EXPECT_TRUE(shake_hands(server_context.get(), client_context.get()));
    }
}

TEST_P(ProviderTls, RefusesTheWrongKey) {
    const auto one = identity("one", KeyAlgorithm::ec_p256);
    const auto other = identity("other", KeyAlgorithm::ec_p256);
    const SslCtxPtr made(SSL_CTX_new_ex(library().get(), nullptr, TLS_server_method()));
    EXPECT_EQ(provider::use_token_key(made.get(), *one.key, other.pem, TlsRole::server).error().code,
              ErrorCode::invalid_argument);
    EXPECT_EQ(provider::use_token_key(made.get(), *one.key, "no certificate", TlsRole::server).error().code,
              ErrorCode::invalid_argument);
    EXPECT_EQ(provider::use_token_key(made.get(), *one.key, one.pem + "-----BEGIN CERTIFICATE-----\nAAAA\n",
                                      TlsRole::server)
                  .error()
                  .code,
              ErrorCode::invalid_argument);
    const auto certify = library().load({"one", 1}, KeyUsage::certify, soon()).value();
    EXPECT_EQ(provider::use_token_key(made.get(), certify, one.pem, TlsRole::server).error().code,
              ErrorCode::token_refused);
    EXPECT_TRUE(provider::use_token_key(made.get(), *one.key, one.pem, TlsRole::server));
}

// With the token gone a handshake fails at once, and the next one works when it is back.
TEST_P(ProviderTls, FailsWithoutTheToken) {
    auto* software = dynamic_cast<SoftwareToken*>(&token());
    if (software == nullptr) GTEST_SKIP() << "needs a token that fails on demand";
    const auto server = identity("server", KeyAlgorithm::ec_p256);
    const auto client = identity("client", KeyAlgorithm::ec_p256);
    const auto server_context = context(server, client, TlsRole::server, TLS1_3_VERSION);
    const auto client_context = context(client, server, TlsRole::client, TLS1_3_VERSION);
    software->set_unavailable(true);
    EXPECT_FALSE(shake_hands(server_context.get(), client_context.get()));
    EXPECT_EQ(provider::fail_openssl(ErrorCode::internal, "").error().code, ErrorCode::token_unavailable);
    software->set_unavailable(false);
    EXPECT_TRUE(shake_hands(server_context.get(), client_context.get()));
}

SIGNET_ON_EVERY_TOKEN(ProviderTls);

}  // namespace
}  // namespace signet::testing
