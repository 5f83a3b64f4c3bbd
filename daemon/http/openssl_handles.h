// Owners of the OpenSSL objects that TLS needs, and their errors as text.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace signet::http {

struct OpensslDeleter {
    void operator()(SSL_CTX* context) const;
    void operator()(SSL* connection) const;
    void operator()(X509* certificate) const;
    void operator()(BIO* bio) const;
};

using SslContextHandle = std::unique_ptr<SSL_CTX, OpensslDeleter>;
using SslHandle = std::unique_ptr<SSL, OpensslDeleter>;
using X509Handle = std::unique_ptr<X509, OpensslDeleter>;
using BioHandle = std::unique_ptr<BIO, OpensslDeleter>;

// The calling thread's OpenSSL errors, oldest first; empties the queue.
std::string openssl_errors();
// All certificates of a PEM text, in order. Errors: invalid_argument for one that cannot be read.
Result<std::vector<X509Handle>> read_certificates(OSSL_LIB_CTX* library, std::string_view pem);

}  // namespace signet::http
