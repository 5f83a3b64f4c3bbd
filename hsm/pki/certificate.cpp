#include "hsm/pki/certificate.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "hsm/pki/der.h"
#include "hsm/pki/extensions.h"
#include "hsm/pki/name_codec.h"
#include "hsm/pki/pem.h"
#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

using provider::fail_openssl;
using provider::X509Ptr;

Result<X509Ptr> decode(const Bytes& der) {
    X509Ptr certificate(X509_new_ex(provider::software_context(), nullptr));
    X509* target = certificate.get();
    const auto* cursor = der.data();
    if (target == nullptr || d2i_X509(&target, &cursor, static_cast<long>(der.size())) == nullptr) {
        (void)certificate.release();  // d2i freed it
        return fail_openssl(ErrorCode::invalid_argument, "the certificate is malformed");
    }
    if (X509_get_version(certificate.get()) != X509_VERSION_3)
        return fail(ErrorCode::unprocessable, "the certificate is not of version 3");
    const X509_ALGOR* outer = nullptr;
    X509_get0_signature(nullptr, &outer, certificate.get());
    if (X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(certificate.get())) != 0)
        return fail(ErrorCode::unprocessable, "the certificate names two different signature algorithms");
    return certificate;
}

Result<PublicKey> read_public_key(X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (size <= 0) return fail_openssl(ErrorCode::invalid_argument, "the certificate has no public key");
    const Bytes spki(der, der + size);
    OPENSSL_free(der);
    return PublicKey::from_spki(spki);
}

bool is_valid_time(const ASN1_TIME* time) {
    std::tm parts{};
    return ASN1_TIME_check(time) == 1 && ASN1_TIME_to_tm(time, &parts) == 1;
}

}  // namespace

Result<Certificate> Certificate::from_der(Bytes der) {
    provider::clear_openssl_errors();
    SIGNET_TRY(check_der(der, "certificate"));
    SIGNET_ASSIGN(auto x509, decode(der));
    SIGNET_ASSIGN(auto key, read_public_key(x509.get()));
    SIGNET_ASSIGN(auto extensions, read_extensions(X509_get0_extensions(x509.get())));
    if (!extensions.unknown_critical.empty())
        return fail(ErrorCode::unprocessable, "the certificate has the critical extension " +
                                                  extensions.unknown_critical.front() +
                                                  ", which is unknown here");
    const auto serial = serial_text(X509_get0_serialNumber(x509.get()));
    if (!serial)
        return fail(ErrorCode::unprocessable,
                    "the serial number of the certificate is negative or over 20 bytes");
    if (!is_valid_time(X509_get0_notBefore(x509.get())) || !is_valid_time(X509_get0_notAfter(x509.get())))
        return fail(ErrorCode::unprocessable, "the validity of the certificate is malformed");
    SIGNET_ASSIGN(auto subject, read_name(X509_get_subject_name(x509.get())));
    SIGNET_ASSIGN(auto issuer, read_name(X509_get_issuer_name(x509.get())));
    // OpenSSL computes its cached view of the extensions at first use; done here, a certificate is never written to again.
    X509_check_purpose(x509.get(), -1, 0);
    provider::clear_openssl_errors();
    Fields fields{
        .der = std::move(der),
        .serial = *serial,
        .subject = std::move(subject),
        .issuer = std::move(issuer),
        .subject_text = {},
        .issuer_text = {},
        .subject_der = name_der(X509_get_subject_name(x509.get())),
        .issuer_der = name_der(X509_get_issuer_name(x509.get())),
        .not_before = from_asn1_time(X509_get0_notBefore(x509.get())),
        .not_after = from_asn1_time(X509_get0_notAfter(x509.get())),
        .public_key = std::move(key),
        .fingerprint = {},
        .subject_key_identifier = std::move(extensions.subject_key_identifier),
        .authority_key_identifier = std::move(extensions.authority_key_identifier),
        .is_ca = extensions.certificate_authority,
        .path_length = extensions.path_length,
        .key_usage = extensions.key_usage,
        .extended_key_usage = std::move(extensions.extended_key_usage),
        .alternative_names = std::move(extensions.alternative_names),
        .critical_extensions = std::move(extensions.critical),
        .ocsp_no_check = extensions.ocsp_no_check,
        .x509 = std::move(x509),
    };
    fields.subject_text = to_rfc4514(fields.subject);
    fields.issuer_text = to_rfc4514(fields.issuer);
    fields.fingerprint = sha256(fields.der);
    return Certificate(std::make_shared<const Fields>(std::move(fields)));
}

Result<Certificate> Certificate::parse(std::string_view input) {
    SIGNET_ASSIGN(auto der, der_from_any(input, {"CERTIFICATE"}, kMaxCertificateSize, "certificate"));
    return from_der(std::move(der));
}

Result<std::vector<Certificate>> Certificate::parse_bundle(std::string_view pem) {
    SIGNET_ASSIGN(auto blocks, read_pem_bundle(pem));
    std::vector<Certificate> out;
    for (auto& block : blocks) {
        if (block.label != "CERTIFICATE" || block.der.size() > kMaxCertificateSize)
            return fail(ErrorCode::invalid_argument,
                        "block " + std::to_string(out.size() + 1) + " of the PEM is no certificate");
        auto certificate = from_der(std::move(block.der));
        if (!certificate) {
            auto error = std::move(certificate).error();
            error.message = "block " + std::to_string(out.size() + 1) + " of the PEM: " + error.message;
            return std::unexpected(std::move(error));
        }
        out.push_back(*std::move(certificate));
    }
    if (out.empty()) return fail(ErrorCode::invalid_argument, "there is no certificate in the PEM");
    return out;
}

std::string Certificate::pem() const {
    return to_pem("CERTIFICATE", der());
}

bool Certificate::signed_by(const Certificate& issuer) const {
    if (issuer_der() != issuer.subject_der()) return false;
    const bool good = X509_verify(get(), issuer.public_key().get()) == 1;
    provider::clear_openssl_errors();
    return good;
}

}  // namespace signet::pki
