#include <openssl/objects.h>

#include <algorithm>
#include <ctime>

#include "hsm/pki/certificate.h"

namespace signet::pki {
namespace {

constexpr std::string_view kBasicConstraints = "2.5.29.19";
constexpr std::string_view kKeyUsage = "2.5.29.15";
constexpr std::string_view kSubjectAlternativeName = "2.5.29.17";
constexpr std::string_view kOcspSigning = "1.3.6.1.5.5.7.3.9";

struct Findings {
    std::vector<std::string> list;
    void expect(bool holds, std::string_view finding) {
        if (!holds) list.emplace_back(finding);
    }
};

bool contains(const std::vector<std::string>& list, std::string_view item) {
    return std::ranges::find(list, item) != list.end();
}

// RFC 5280 appendix A.1, upper bounds in characters; bytes are a stricter measure only for non-ASCII text, so count code points.
std::size_t upper_bound(std::string_view type) {
    if (type == "CN" || type == "O" || type == "OU" || type == "serialNumber") return 64;
    if (type == "L" || type == "ST") return 128;
    return type == "C" ? 2 : kMaxAttributeSize;
}

std::size_t characters(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void lint_name(const Name& name, Findings& out) {
    for (const auto& attribute : name) {
        const bool country = attribute.type == "C";
        const auto length = characters(attribute.value);
        out.expect(length <= upper_bound(attribute.type),
                   "A.1: the value of " + attribute.type + " is over its upper bound");
        out.expect(
            !country || (length == 2 &&
                         std::ranges::all_of(attribute.value, [](char c) { return c >= 'A' && c <= 'Z'; })),
            "A.1: the country is not two upper-case letters");
    }
}

void lint_authority(const Certificate& certificate, Findings& out) {
    const auto usage = certificate.key_usage().value_or(0);
    out.expect(!certificate.issuer().empty(), "4.1.2.4: the issuer is empty");
    if (certificate.is_ca()) {
        out.expect(contains(certificate.critical_extensions(), kBasicConstraints),
                   "4.2.1.9: basicConstraints of a CA is not critical");
        out.expect(has(usage, CertificateUsage::key_cert_sign), "4.2.1.3: a CA lacks keyCertSign");
        out.expect(!certificate.subject().empty(), "4.1.2.6: a CA has an empty subject");
        out.expect(certificate.extended_key_usage().empty() ||
                       !contains(certificate.extended_key_usage(), kOcspSigning),
                   "RFC 6960 4.2.2.2: a CA has id-kp-OCSPSigning");
    } else {
        out.expect(!has(usage, CertificateUsage::key_cert_sign),
                   "4.2.1.9: a certificate that signs certificates needs basicConstraints with cA");
        out.expect(!certificate.path_length(), "4.2.1.9: a path length without cA");
    }
}

void lint_key(const Certificate& certificate, Findings& out) {
    const auto usage = certificate.key_usage();
    out.expect(usage.has_value() && *usage != 0, "4.2.1.3: keyUsage is missing or empty");
    out.expect(contains(certificate.critical_extensions(), kKeyUsage), "4.2.1.3: keyUsage is not critical");
    const bool enciphers = has(usage.value_or(0), CertificateUsage::key_encipherment) ||
                           has(usage.value_or(0), CertificateUsage::data_encipherment);
    const bool agrees = has(usage.value_or(0), CertificateUsage::key_agreement);
    const auto type = certificate.public_key().type();
    out.expect(type == KeyType::rsa || !enciphers, "RFC 8813 3: only RSA keys encipher");
    out.expect(type != KeyType::rsa || !agrees, "RFC 3279 2.3.1: RSA keys do not agree on keys");
    out.expect(type != KeyType::ed25519 || !agrees, "RFC 8410 5: Ed25519 keys do not agree on keys");
    out.expect(agrees || !(has(usage.value_or(0), CertificateUsage::encipher_only) ||
                           has(usage.value_or(0), CertificateUsage::decipher_only)),
               "4.2.1.3: encipherOnly and decipherOnly mean nothing without keyAgreement");
}

void lint_identifiers(const Certificate& certificate, Findings& out) {
    out.expect(!certificate.subject_key_identifier().empty(), "4.2.1.2: subjectKeyIdentifier is missing");
    out.expect(!certificate.authority_key_identifier().empty(), "4.2.1.1: authorityKeyIdentifier is missing");
    out.expect(certificate.serial() != "00", "4.1.2.2: the serial number is zero");
    out.expect(certificate.serial().size() >= 16, "the serial number has less than 64 bits");
    out.expect(certificate.not_before() < certificate.not_after(),
               "4.1.2.5: notAfter is not after notBefore");
    if (!certificate.subject().empty()) return;
    out.expect(!certificate.alternative_names().empty(), "4.2.1.6: neither subject nor alternative names");
    out.expect(contains(certificate.critical_extensions(), kSubjectAlternativeName),
               "4.2.1.6: with an empty subject, subjectAltName must be critical");
}

}  // namespace

std::vector<std::string> lint(const Certificate& certificate) {
    Findings out;
    lint_name(certificate.subject(), out);
    lint_authority(certificate, out);
    lint_key(certificate, out);
    lint_identifiers(certificate, out);
    return std::move(out.list);
}

}  // namespace signet::pki
