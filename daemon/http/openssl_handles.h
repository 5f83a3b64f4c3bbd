// Owners of the OpenSSL objects that TLS needs, and their errors as text.
#pragma once

#include <openssl/ssl.h>
#include <openssl/types.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace signet::http {

template <auto Free>
struct OpensslDeleter {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};

using SslContextHandle = std::unique_ptr<SSL_CTX, OpensslDeleter<SSL_CTX_free>>;
using SslHandle = std::unique_ptr<SSL, OpensslDeleter<SSL_free>>;
using X509Handle = std::unique_ptr<X509, OpensslDeleter<X509_free>>;

// The calling thread's OpenSSL errors, oldest first; empties the queue.
std::string openssl_errors();
// All certificates of a PEM text, in order. Errors: invalid_argument for one that cannot be read.
Result<std::vector<X509Handle>> read_certificates(OSSL_LIB_CTX* library, std::string_view pem);

}  // namespace signet::http
