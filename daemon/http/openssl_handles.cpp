#include "daemon/http/openssl_handles.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace signet::http {

void OpensslDeleter::operator()(SSL_CTX* context) const {
    SSL_CTX_free(context);
}
void OpensslDeleter::operator()(SSL* connection) const {
    SSL_free(connection);
}
void OpensslDeleter::operator()(X509* certificate) const {
    X509_free(certificate);
}
void OpensslDeleter::operator()(BIO* bio) const {
    BIO_free_all(bio);
}

std::string openssl_errors() {
    std::string out;
    char text[256];
    while (const auto code = ERR_get_error()) {
        ERR_error_string_n(code, text, sizeof text);
        if (!out.empty()) out += "; ";
        out += text;
    }
    return out;
}

Result<std::vector<X509Handle>> read_certificates(OSSL_LIB_CTX* library, std::string_view pem) {
    const BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    std::vector<X509Handle> certificates;
    for (;;) {
        auto* empty = X509_new_ex(library, nullptr);
        if (PEM_read_bio_X509(bio.get(), &empty, nullptr, nullptr) == nullptr) {
            X509_free(empty);
            break;
        }
        certificates.emplace_back(empty);
    }
    // The end of the text is "no start line"; anything else is a certificate that cannot be read.
    const auto last = ERR_peek_last_error();
    if (last != 0 && !(ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE))
        return fail(ErrorCode::invalid_argument,
                    "certificate number " + std::to_string(certificates.size() + 1) +
                        " of the PEM text cannot be read",
                    openssl_errors());
    ERR_clear_error();
    return certificates;
}

}  // namespace signet::http
