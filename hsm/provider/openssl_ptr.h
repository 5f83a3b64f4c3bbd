// Owners of OpenSSL objects, without OpenSSL's headers: the types are forward-declared, the deleters live in
// the .cpp.
#pragma once

#include <memory>

struct evp_pkey_st;
struct evp_pkey_ctx_st;
struct evp_md_ctx_st;
struct ossl_lib_ctx_st;
struct ossl_provider_st;
struct x509_st;
struct X509_req_st;
struct X509_crl_st;
struct X509_name_st;
struct ssl_ctx_st;

namespace signet::provider {

struct OpensslDeleter {
    void operator()(evp_pkey_st* object) const noexcept;
    void operator()(evp_pkey_ctx_st* object) const noexcept;
    void operator()(evp_md_ctx_st* object) const noexcept;
    void operator()(ossl_lib_ctx_st* object) const noexcept;
    void operator()(ossl_provider_st* object) const noexcept;
    void operator()(x509_st* object) const noexcept;
    void operator()(X509_req_st* object) const noexcept;
    void operator()(X509_crl_st* object) const noexcept;
    void operator()(X509_name_st* object) const noexcept;
    void operator()(ssl_ctx_st* object) const noexcept;
};

using PkeyPtr = std::unique_ptr<evp_pkey_st, OpensslDeleter>;
using PkeyCtxPtr = std::unique_ptr<evp_pkey_ctx_st, OpensslDeleter>;
using DigestCtxPtr = std::unique_ptr<evp_md_ctx_st, OpensslDeleter>;
using LibCtxPtr = std::unique_ptr<ossl_lib_ctx_st, OpensslDeleter>;
using ProviderPtr = std::unique_ptr<ossl_provider_st, OpensslDeleter>;
using X509Ptr = std::unique_ptr<x509_st, OpensslDeleter>;
using RequestPtr = std::unique_ptr<X509_req_st, OpensslDeleter>;
using CrlPtr = std::unique_ptr<X509_crl_st, OpensslDeleter>;
using NamePtr = std::unique_ptr<X509_name_st, OpensslDeleter>;
using SslCtxPtr = std::unique_ptr<ssl_ctx_st, OpensslDeleter>;

}  // namespace signet::provider
