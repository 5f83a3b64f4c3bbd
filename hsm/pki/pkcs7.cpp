#include "hsm/pki/pkcs7.h"

#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include <memory>

#include "hsm/pki/pem.h"
#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

constexpr std::size_t kMaxSize = std::size_t{64} << 10;
constexpr int kMaxCertificates = 8;

struct FreePkcs7 {
    void operator()(PKCS7* p) const { PKCS7_free(p); }
};
using Pkcs7Ptr = std::unique_ptr<PKCS7, FreePkcs7>;

Result<Bytes> der_of(X509* certificate) {
    unsigned char* out = nullptr;
    const int size = i2d_X509(certificate, &out);
    if (size <= 0) return fail(ErrorCode::internal, "a certificate cannot be encoded");
    Bytes der(out, out + size);
    OPENSSL_free(out);
    return der;
}

}  // namespace

Result<std::vector<Certificate>> certificates_of_pkcs7(std::string_view input) {
    SIGNET_ASSIGN(const auto der, der_from_any(input, {"PKCS7"}, kMaxSize, "PKCS#7 message"));
    const auto* at = der.data();
    Pkcs7Ptr message(d2i_PKCS7(nullptr, &at, static_cast<long>(der.size())));
    if (!message || at != der.data() + der.size())
        return fail(ErrorCode::invalid_argument, "expected a PKCS#7 message with certificates");
    if (PKCS7_type_is_signed(message.get()) != 1 || message->d.sign == nullptr)
        return fail(ErrorCode::invalid_argument,
                    "expected a PKCS#7 message of type signedData, as openssl crl2pkcs7 makes it");
    const auto* const found = message->d.sign->cert;
    const int count = found == nullptr ? 0 : sk_X509_num(found);
    if (count == 0 || count > kMaxCertificates)
        return fail(ErrorCode::invalid_argument, "expected 1 to 8 certificates in the PKCS#7 message");
    std::vector<Certificate> out;
    for (int i = 0; i < count; ++i) {
        SIGNET_ASSIGN(const auto one, der_of(sk_X509_value(found, i)));
        SIGNET_ASSIGN(auto certificate, Certificate::parse(as_text(one)));
        out.push_back(std::move(certificate));
    }
    return out;
}

Result<std::string> pkcs7_pem(const std::vector<Certificate>& certificates) {
    const auto failed = [] { return fail(ErrorCode::internal, "a PKCS#7 message cannot be made"); };
    Pkcs7Ptr message(PKCS7_new_ex(provider::software_context(), nullptr));
    if (!message || PKCS7_set_type(message.get(), NID_pkcs7_signed) != 1 ||
        PKCS7_content_new(message.get(), NID_pkcs7_data) != 1)
        return failed();
    // No content, as a message that carries certificates alone has none.
    if (PKCS7_set_detached(message.get(), 1) != 1) return failed();
    for (const auto& certificate : certificates)
        if (PKCS7_add_certificate(message.get(), certificate.get()) != 1) return failed();
    unsigned char* out = nullptr;
    const int size = i2d_PKCS7(message.get(), &out);
    if (size <= 0) return failed();
    const Bytes der(out, out + size);
    OPENSSL_free(out);
    return to_pem("PKCS7", der);
}

}  // namespace signet::pki
