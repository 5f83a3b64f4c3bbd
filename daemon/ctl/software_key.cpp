#include "daemon/ctl/software_key.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/file.h"
#include "base/random.h"
#include "base/secret.h"
#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::ctl {
namespace {

using provider::fail_openssl;

struct BioDeleter {
    void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioDeleter>;

std::unexpected<Error> failed(std::string_view what) {
    return fail_openssl(ErrorCode::internal, "cannot " + std::string(what));
}

bool set_name(X509_NAME* name, const std::string& common_name, const std::string& organisation) {
    const auto add = [&](const char* field, const std::string& value) {
        return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                          reinterpret_cast<const unsigned char*>(value.data()),
                                          static_cast<int>(value.size()), -1, 0) == 1;
    };
    return add("O", organisation) && add("CN", common_name);
}

bool add_extension(X509* certificate, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    const bool done = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

template <class Object>
Result<Bytes> der_of(Object* object, int (*encode)(const Object*, unsigned char**)) {
    const int size = encode(object, nullptr);
    if (size <= 0) return failed("encode what was made");
    Bytes out(static_cast<std::size_t>(size));
    auto* at = out.data();
    encode(object, &at);
    return out;
}

}  // namespace

Result<SoftwareKey> SoftwareKey::generate() {
    provider::PkeyPtr key(EVP_PKEY_Q_keygen(provider::software_context(), nullptr, "RSA", std::size_t{2048}));
    if (!key) return failed("make an RSA key");
    return SoftwareKey(std::move(key));
}

Result<SoftwareKey> SoftwareKey::load(const std::filesystem::path& path) {
    SIGNET_ASSIGN(const auto pem, read_secret_file(path, std::size_t{16} << 10));
    const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    provider::PkeyPtr key(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, nullptr, nullptr,
                                                     provider::software_context(), nullptr));
    if (!key) return fail_openssl(ErrorCode::invalid_argument, path.string() + " is no private key in PEM");
    return SoftwareKey(std::move(key));
}

Status SoftwareKey::save(const std::filesystem::path& path) const {
    const BioPtr bio(BIO_new(BIO_s_secmem()));
    if (!bio ||
        PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return failed("write the key");
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    const auto secret = Secret::copy_of(std::string_view(data, static_cast<std::size_t>(size)));
    return write_file_atomic(path, secret.view(), 0600);
}

Result<Bytes> SoftwareKey::sign_rs256(ByteView data) const {
    const provider::DigestCtxPtr context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (!context ||
        EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", provider::software_context(), nullptr,
                              key_.get(), nullptr) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1)
        return failed("sign");
    Bytes out(size);
    if (EVP_DigestSign(context.get(), out.data(), &size, data.data(), data.size()) != 1)
        return failed("sign");
    out.resize(size);
    return out;
}

Result<Bytes> SoftwareKey::self_signed(const std::string& name, const std::string& organisation,
                                       SystemTime now) const {
    const provider::X509Ptr certificate(X509_new_ex(provider::software_context(), nullptr));
    auto* x509 = certificate.get();
    const auto serial = random_bytes(15);
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
        BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr), &BN_free);
    const auto start = static_cast<std::time_t>(to_unix_ms(now) / 1000) - 300;
    constexpr std::time_t kYears = 3 * 365 * 86'400;
    if (x509 == nullptr || X509_set_version(x509, X509_VERSION_3) != 1 ||
        BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509)) == nullptr ||
        !set_name(X509_get_subject_name(x509), name, organisation) ||
        X509_set_issuer_name(x509, X509_get_subject_name(x509)) != 1 ||
        ASN1_TIME_set(X509_getm_notBefore(x509), start) == nullptr ||
        ASN1_TIME_set(X509_getm_notAfter(x509), start + kYears) == nullptr ||
        X509_set_pubkey(x509, key_.get()) != 1 ||
        !add_extension(x509, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(x509, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(x509, NID_subject_key_identifier, "hash") ||
        X509_sign(x509, key_.get(), EVP_sha256()) == 0)
        return failed("make a certificate");
    return der_of(x509, i2d_X509);
}

Result<Bytes> SoftwareKey::request(const std::string& name, const std::string& organisation) const {
    const provider::RequestPtr request(X509_REQ_new_ex(provider::software_context(), nullptr));
    if (!request || !set_name(X509_REQ_get_subject_name(request.get()), name, organisation) ||
        X509_REQ_set_pubkey(request.get(), key_.get()) != 1 ||
        X509_REQ_sign(request.get(), key_.get(), EVP_sha256()) == 0)
        return failed("make a certificate request");
    return der_of(request.get(), i2d_X509_REQ);
}

}  // namespace signet::ctl
