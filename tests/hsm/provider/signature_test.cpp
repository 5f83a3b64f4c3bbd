#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <atomic>
#include <thread>

#include "hsm/provider/algorithm_identifier.h"
#include "hsm/provider/openssl_error.h"
#include "tests/hsm/provider/token_fixture.h"
#include "tests/support/software_token.h"

namespace signet::testing {
namespace {

using provider::DigestCtxPtr;
using provider::PkeyCtxPtr;
using provider::PkeyPtr;
using provider::TokenKey;
using provider::X509Ptr;

class ProviderSignature : public TokenTest {
  protected:
    // The public half alone, as a relying party with stock OpenSSL has it.
    static PkeyPtr stock_key(const TokenKey& key) {
        const auto* cursor = key.public_key().data();
        return PkeyPtr(d2i_PUBKEY(nullptr, &cursor, static_cast<long>(key.public_key().size())));
    }

    X509Ptr unsigned_certificate(const TokenKey& key) {
        X509Ptr certificate(X509_new_ex(library().get(), nullptr));
        X509_set_version(certificate.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
        auto* name = X509_get_subject_name(certificate.get());
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>("test"),
                                   -1, -1, 0);
        X509_set_issuer_name(certificate.get(), name);
        EXPECT_EQ(X509_set_pubkey(certificate.get(), key.get()), 1);
        return certificate;
    }

    // Signs and verifies with both the token key (through its twin) and a stock public key.
    void sign_certificate(KeyAlgorithm algorithm, const EVP_MD* digest, bool pss, SignAlgorithm expected) {
        const auto key = make_and_load("ca", algorithm, KeyUsage::certify);
        const auto certificate = unsigned_certificate(key);
        const DigestCtxPtr context(EVP_MD_CTX_new());
        EVP_PKEY_CTX* parameters = nullptr;
        ASSERT_EQ(
            EVP_DigestSignInit_ex(context.get(), &parameters, digest ? EVP_MD_get0_name(digest) : nullptr,
                                  library().get(), nullptr, key.get(), nullptr),
            1);
        if (pss) {
            ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
            ASSERT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST), 1);
        }
        ASSERT_GT(X509_sign_ctx(certificate.get(), context.get()), 0)
            << provider::fail_openssl(ErrorCode::internal, "sign").error().detail;
        EXPECT_EQ(X509_verify(certificate.get(), key.get()), 1)
            << provider::fail_openssl(ErrorCode::internal, "").error().detail;
        EXPECT_EQ(X509_verify(certificate.get(), stock_key(key).get()), 1);

        const X509_ALGOR* identifier = nullptr;
        X509_get0_signature(nullptr, &identifier, certificate.get());
        unsigned char* der = nullptr;
        const int size = i2d_X509_ALGOR(identifier, &der);
        EXPECT_EQ(Bytes(der, der + size), to_bytes(provider::algorithm_identifier(expected)));
        OPENSSL_free(der);
    }
};

TEST_P(ProviderSignature, SignsCertificatesWithPkcs1) {
    sign_certificate(KeyAlgorithm::rsa_2048, EVP_sha256(), false, SignAlgorithm::rs256);
}
TEST_P(ProviderSignature, SignsCertificatesWithPkcs1AndSha512) {
    sign_certificate(KeyAlgorithm::rsa_2048, EVP_sha512(), false, SignAlgorithm::rs512);
}
TEST_P(ProviderSignature, SignsCertificatesWithPss) {
    sign_certificate(KeyAlgorithm::rsa_2048, EVP_sha256(), true, SignAlgorithm::ps256);
}
TEST_P(ProviderSignature, SignsCertificatesWithPssAndSha384) {
    sign_certificate(KeyAlgorithm::rsa_3072, EVP_sha384(), true, SignAlgorithm::ps384);
}
TEST_P(ProviderSignature, SignsCertificatesWithP256) {
    sign_certificate(KeyAlgorithm::ec_p256, EVP_sha256(), false, SignAlgorithm::es256);
}
TEST_P(ProviderSignature, SignsCertificatesWithP384) {
    sign_certificate(KeyAlgorithm::ec_p384, EVP_sha384(), false, SignAlgorithm::es384);
}
TEST_P(ProviderSignature, SignsCertificatesWithEd25519) {
    sign_certificate(KeyAlgorithm::ed25519, nullptr, false, SignAlgorithm::eddsa);
}

TEST_P(ProviderSignature, SignsRequests) {
    for (const auto algorithm : {KeyAlgorithm::rsa_2048, KeyAlgorithm::ec_p256, KeyAlgorithm::ed25519}) {
        const auto key =
            make_and_load("request." + std::string(to_string(algorithm)), algorithm, KeyUsage::sign);
        const provider::RequestPtr request(X509_REQ_new_ex(library().get(), nullptr));
        X509_REQ_set_pubkey(request.get(), key.get());
        const EVP_MD* digest = algorithm == KeyAlgorithm::ed25519 ? nullptr : EVP_sha256();
        ASSERT_GT(X509_REQ_sign(request.get(), key.get(), digest), 0);
        EXPECT_EQ(X509_REQ_verify(request.get(), stock_key(key).get()), 1);
    }
}

TEST_P(ProviderSignature, SignsDetachedCms) {
    for (const auto algorithm : {KeyAlgorithm::rsa_2048, KeyAlgorithm::ec_p256, KeyAlgorithm::ec_p384}) {
        const auto key = make_and_load("cms." + std::string(to_string(algorithm)), algorithm, KeyUsage::sign);
        const auto certificate = unsigned_certificate(key);
        ASSERT_GT(X509_sign(certificate.get(), key.get(),
                            algorithm == KeyAlgorithm::ec_p384 ? EVP_sha384() : EVP_sha256()),
                  0);
        BIO* content = BIO_new_mem_buf("content", 7);
        CMS_ContentInfo* cms =
            CMS_sign_ex(certificate.get(), key.get(), nullptr, content,
                        CMS_BINARY | CMS_DETACHED | CMS_NOSMIMECAP, library().get(), nullptr);
        ASSERT_NE(cms, nullptr) << provider::fail_openssl(ErrorCode::internal, "sign").error().detail;
        // Read back by stock OpenSSL.
        unsigned char* der = nullptr;
        const int size = i2d_CMS_ContentInfo(cms, &der);
        CMS_ContentInfo_free(cms);
        const auto* cursor = const_cast<const unsigned char*>(der);
        cms = d2i_CMS_ContentInfo(nullptr, &cursor, size);
        OPENSSL_free(der);
        BIO_free(content);
        content = BIO_new_mem_buf("content", 7);
        EXPECT_EQ(CMS_verify(cms, nullptr, nullptr, content, nullptr,
                             CMS_BINARY | CMS_DETACHED | CMS_NO_SIGNER_CERT_VERIFY),
                  1);
        BIO_free(content);
        CMS_ContentInfo_free(cms);
    }
}

TEST_P(ProviderSignature, RefusesWhatTheTokenDoesNotSign) {
    const auto rsa = make_and_load("rsa", KeyAlgorithm::rsa_2048, KeyUsage::sign);
    const auto p256 = make_and_load("ec", KeyAlgorithm::ec_p256, KeyUsage::sign);
    const auto sign = [&](const TokenKey& key, const char* digest,
                          const std::function<void(EVP_PKEY_CTX*)>& set) {
        const DigestCtxPtr context(EVP_MD_CTX_new());
        EVP_PKEY_CTX* parameters = nullptr;
        Bytes out(512);
        std::size_t size = out.size();
        if (EVP_DigestSignInit_ex(context.get(), &parameters, digest, library().get(), nullptr, key.get(),
                                  nullptr) != 1)
            return false;
        set(parameters);
        const bool signed_it = EVP_DigestSign(context.get(), out.data(), &size, out.data(), 3) == 1;
        provider::clear_openssl_errors();
        return signed_it;
    };
    const auto nothing = [](EVP_PKEY_CTX*) {};
    EXPECT_TRUE(sign(rsa, "SHA256", nothing));
    EXPECT_FALSE(sign(rsa, "SHA1", nothing));
    EXPECT_FALSE(sign(rsa, "MD5", nothing));
    EXPECT_FALSE(sign(p256, "SHA384", nothing));
    const auto pss = [](const char* salt, const char* mgf1) {
        return [=](EVP_PKEY_CTX* context) {
            EVP_PKEY_CTX_ctrl_str(context, "rsa_padding_mode", "pss");
            EVP_PKEY_CTX_ctrl_str(context, "rsa_pss_saltlen", salt);
            if (mgf1 != nullptr) EVP_PKEY_CTX_ctrl_str(context, "rsa_mgf1_md", mgf1);
        };
    };
    EXPECT_TRUE(sign(rsa, "SHA256", pss("digest", nullptr)));
    EXPECT_TRUE(sign(rsa, "SHA256", pss("32", "SHA256")));
    EXPECT_FALSE(sign(rsa, "SHA256", pss("20", nullptr)));
    EXPECT_FALSE(sign(rsa, "SHA256", pss("max", nullptr)));
    EXPECT_FALSE(sign(rsa, "SHA256", pss("digest", "SHA512")));
}

TEST_P(ProviderSignature, SignsBareDigestsOfTheRightSizeOnly) {
    const auto key = make_and_load("ec", KeyAlgorithm::ec_p256, KeyUsage::sign);
    const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(library().get(), key.get(), nullptr));
    Bytes digest(32, 7), out(128);
    std::size_t size = out.size();
    ASSERT_EQ(EVP_PKEY_sign_init(context.get()), 1);
    EXPECT_NE(EVP_PKEY_sign(context.get(), out.data(), &size, digest.data(), digest.size()), 1);
    ASSERT_EQ(EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()), 1);
    size = out.size();
    EXPECT_NE(EVP_PKEY_sign(context.get(), out.data(), &size, digest.data(), 20), 1);
    size = out.size();
    ASSERT_EQ(EVP_PKEY_sign(context.get(), out.data(), &size, digest.data(), digest.size()), 1);
    const PkeyCtxPtr verifier(EVP_PKEY_CTX_new_from_pkey(library().get(), key.get(), nullptr));
    ASSERT_EQ(EVP_PKEY_verify_init(verifier.get()), 1);
    ASSERT_EQ(EVP_PKEY_CTX_set_signature_md(verifier.get(), EVP_sha256()), 1);
    EXPECT_EQ(EVP_PKEY_verify(verifier.get(), out.data(), size, digest.data(), digest.size()), 1);
    digest[0] ^= 1;
    EXPECT_NE(EVP_PKEY_verify(verifier.get(), out.data(), size, digest.data(), digest.size()), 1);
    provider::clear_openssl_errors();
}

TEST_P(ProviderSignature, SignsOnManyThreadsWithOneKey) {
    const auto key = make_and_load("shared", KeyAlgorithm::ec_p256, KeyUsage::sign);
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int turn = 0; turn < 25; ++turn) {
                    const provider::RequestPtr request(X509_REQ_new_ex(library().get(), nullptr));
                    X509_REQ_set_pubkey(request.get(), key.get());
                    if (X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0 &&
                        X509_REQ_verify(request.get(), key.get()) == 1)
                        ++good;
                }
            });
        }
    }
    EXPECT_EQ(good, 100);
}

// The purpose a key was loaded with goes with every request to the token.
TEST(ProviderPurpose, IsAskedOfTheToken) {
    SoftwareToken token;
    const auto info = token.make("both", KeyAlgorithm::ec_p256, KeyUsage::sign | KeyUsage::tls);
    const auto library = provider::LibraryContext::create(token).value();
    EXPECT_TRUE(library->load(info, KeyUsage::tls));
    EXPECT_EQ(library->load(info, KeyUsage::certify).error().code, ErrorCode::token_refused);
    // Usages as the caller claims them do not help: the token refuses.
    auto lie = info;
    lie.usages = KeyUsage::certify;
    const auto key = library->load(lie, KeyUsage::certify).value();
    const provider::RequestPtr request(X509_REQ_new_ex(library->get(), nullptr));
    X509_REQ_set_pubkey(request.get(), key.get());
    EXPECT_LE(X509_REQ_sign(request.get(), key.get(), EVP_sha256()), 0);
    EXPECT_EQ(provider::fail_openssl(ErrorCode::internal, "").error().code, ErrorCode::token_refused);
}

TEST(ProviderErrors, AreTheTokensOwn) {
    SoftwareToken token;
    const auto info = token.make("key", KeyAlgorithm::ec_p256, KeyUsage::sign);
    const auto library = provider::LibraryContext::create(token).value();
    const auto key = library->load(info, KeyUsage::sign).value();
    const provider::RequestPtr request(X509_REQ_new_ex(library->get(), nullptr));
    X509_REQ_set_pubkey(request.get(), key.get());
    token.set_unavailable(true);
    EXPECT_LE(X509_REQ_sign(request.get(), key.get(), EVP_sha256()), 0);
    const auto error = provider::fail_openssl(ErrorCode::internal, "cannot sign").error();
    EXPECT_EQ(error.code, ErrorCode::token_unavailable);
    EXPECT_TRUE(error.retryable());
    EXPECT_EQ(ERR_peek_error(), 0U);
    token.set_unavailable(false);
    EXPECT_GT(X509_REQ_sign(request.get(), key.get(), EVP_sha256()), 0);

    const provider::DeadlineScope scope(Deadline::in(std::chrono::milliseconds(-1)));
    EXPECT_LE(X509_REQ_sign(request.get(), key.get(), EVP_sha256()), 0);
    EXPECT_EQ(provider::fail_openssl(ErrorCode::internal, "").error().code, ErrorCode::deadline_exceeded);
}

TEST(ProviderWrappedKey, Signs) {
    SoftwareToken token;
    const auto wrap = token.make("wrap", KeyAlgorithm::aes_256, KeyUsage::wrap);
    const auto bind = token.make("bind", KeyAlgorithm::hmac_256, KeyUsage::bind);
    const auto library = provider::LibraryContext::create(token).value();
    const auto made =
        token
            .generate_wrapped(
                {wrap.id, bind.id, {"mpoc:1", "mpoc.kek", 0, 1, KeyAlgorithm::ec_p256, KeyUsage::sign}},
                soon())
            .value();
    const auto key = library->load(made.key, made.public_key, KeyUsage::sign).value();
    const provider::RequestPtr request(X509_REQ_new_ex(library->get(), nullptr));
    X509_REQ_set_pubkey(request.get(), key.get());
    EXPECT_GT(X509_REQ_sign(request.get(), key.get(), EVP_sha256()), 0);
    EXPECT_EQ(X509_REQ_verify(request.get(), key.get()), 1);
    EXPECT_FALSE(library->load(made.key, made.public_key, KeyUsage::tls));
}

SIGNET_ON_EVERY_TOKEN(ProviderSignature);

}  // namespace
}  // namespace signet::testing
