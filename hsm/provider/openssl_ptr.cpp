#include "hsm/provider/openssl_ptr.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace signet::provider {

void OpensslDeleter::operator()(evp_pkey_st* object) const noexcept {
    EVP_PKEY_free(object);
}
void OpensslDeleter::operator()(evp_pkey_ctx_st* object) const noexcept {
    EVP_PKEY_CTX_free(object);
}
void OpensslDeleter::operator()(evp_md_ctx_st* object) const noexcept {
    EVP_MD_CTX_free(object);
}
void OpensslDeleter::operator()(ossl_lib_ctx_st* object) const noexcept {
    OSSL_LIB_CTX_free(object);
}
void OpensslDeleter::operator()(ossl_provider_st* object) const noexcept {
    OSSL_PROVIDER_unload(object);
}
void OpensslDeleter::operator()(x509_st* object) const noexcept {
    X509_free(object);
}
void OpensslDeleter::operator()(X509_req_st* object) const noexcept {
    X509_REQ_free(object);
}
void OpensslDeleter::operator()(X509_crl_st* object) const noexcept {
    X509_CRL_free(object);
}
void OpensslDeleter::operator()(X509_name_st* object) const noexcept {
    X509_NAME_free(object);
}
void OpensslDeleter::operator()(ssl_ctx_st* object) const noexcept {
    SSL_CTX_free(object);
}

}  // namespace signet::provider
