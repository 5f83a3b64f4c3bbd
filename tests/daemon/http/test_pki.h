// Software keys and certificates for tests of TLS.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace signet::http {

struct TestIdentity {
    std::shared_ptr<EVP_PKEY> key;
    std::shared_ptr<X509> certificate;
    std::string pem() const {
        BIO* bio = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(bio, certificate.get());
        char* data = nullptr;
        const auto size = BIO_get_mem_data(bio, &data);
        std::string out(data, static_cast<std::size_t>(size));
        BIO_free(bio);
        return out;
    }
};

// A P-256 key and a certificate for it, by `issuer` or by itself. `names` as openssl's configuration writes them:
// "DNS:a,URI:b"; a CA when empty.
inline TestIdentity make_identity(const std::string& name, const std::string& names,
                                  const TestIdentity* issuer = nullptr, bool expired = false) {
    TestIdentity out{{EVP_EC_gen("P-256"), EVP_PKEY_free}, {X509_new(), X509_free}};
    auto* certificate = out.certificate.get();
    X509_set_version(certificate, X509_VERSION_3);
    static long serial = 1;
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), expired ? -3600 : 3600);
    auto* subject = X509_get_subject_name(certificate);
    const auto add = [&](const char* type, const std::string& value) {
        X509_NAME_add_entry_by_txt(subject, type, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0);
    };
    add("O", "Signet tests");
    add("CN", name);
    const auto& signer = issuer == nullptr ? out : *issuer;
    X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate.get()));
    X509_set_pubkey(certificate, out.key.get());
    X509V3_CTX context;
    X509V3_set_ctx(&context, signer.certificate.get(), certificate, nullptr, nullptr, 0);
    const auto extend = [&](int nid, const std::string& value) {
        auto* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    };
    extend(NID_basic_constraints, names.empty() ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!names.empty()) extend(NID_subject_alt_name, names);
    X509_sign(certificate, signer.key.get(), EVP_sha256());
    return out;
}

}  // namespace signet::http
