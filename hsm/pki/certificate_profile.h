// What a CA puts into certificates of one kind. Every extension is decided here; a CSR only fills what a
// profile lets it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "hsm/pki/name.h"
#include "hsm/pki/public_key.h"

namespace signet::pki {

// keyUsage bits (RFC 5280 section 4.2.1.3).
enum class CertificateUsage : std::uint16_t {
    digital_signature = 1 << 0,
    content_commitment = 1 << 1,  // nonRepudiation
    key_encipherment = 1 << 2,
    data_encipherment = 1 << 3,
    key_agreement = 1 << 4,
    key_cert_sign = 1 << 5,
    crl_sign = 1 << 6,
    encipher_only = 1 << 7,
    decipher_only = 1 << 8,
};
using CertificateUsages = std::uint16_t;  // bits of CertificateUsage
constexpr CertificateUsages bit(CertificateUsage usage) {
    return static_cast<CertificateUsages>(usage);
}
constexpr bool has(CertificateUsages usages, CertificateUsage usage) {
    return (usages & bit(usage)) != 0;
}

// "digitalSignature", "nonRepudiation" (also "contentCommitment"), … as in RFC 5280.
std::optional<CertificateUsage> certificate_usage_from(std::string_view name);
std::vector<std::string> to_strings(CertificateUsages usages);

// "serverAuth", "clientAuth", "codeSigning", "emailProtection", "timeStamping", "OCSPSigning", or a dotted
// OID.
Result<std::string> extended_key_usage_from(std::string_view name);

// One attribute of the subject. An attribute of the CSR without a rule is refused.
struct SubjectRule {
    std::string attribute;      // short name or dotted OID
    std::string pattern = "*";  // `*` stands for any characters
    bool required = false;
    std::optional<std::string>
        value{};  // fixed: replaces what the CSR says, which may then be anything or nothing
};

// Which alternative names are taken over from the CSR, by kind; a kind without patterns is not allowed at
// all.
struct AlternativeNamePolicy {
    std::vector<std::string> dns;    // globs; `*` does not match a dot here: "*.devices.example"
    std::vector<std::string> uri;    // globs; `*` stands for any characters
    std::vector<std::string> email;  // globs; `*` stands for any characters except '@'
    std::vector<std::string> ip;     // addresses or prefixes: "192.0.2.0/24", "2001:db8::/32"
    bool required = false;           // at least one
    std::size_t max = 16;
    bool refuse_others = true;  // false: names that match nothing are left out instead
};

struct CertificateProfile {
    std::string name;
    std::chrono::seconds validity{std::chrono::hours{24 * 365}};
    CertificateUsages key_usage = bit(CertificateUsage::digital_signature);  // critical
    std::vector<std::string> extended_key_usage;
    bool certificate_authority = false;  // basicConstraints cA, critical
    std::optional<int> path_length;      // only with certificate_authority

    std::vector<SubjectRule>
        subject;               // the order of the issued name; empty and !any_subject: an empty subject
    bool any_subject = false;  // take the CSR's subject as it is; `subject` must be empty then
    AlternativeNamePolicy alternative_names;
    std::vector<std::string> key_types;  // "rsa-2048", "ec-p256", …; empty: every kind PublicKey accepts

    std::vector<std::string> crl_distribution_points;  // http or ldap URIs
    std::vector<std::string> ocsp_urls;                // authorityInfoAccess
    std::vector<std::string> ca_issuers_urls;
    std::vector<std::string> policies;  // certificatePolicies, dotted OIDs
    bool ocsp_no_check = false;         // id-pkix-ocsp-nocheck, for delegated OCSP certificates
};

// Contradictions inside the profile (keyCertSign without CA, a path length without CA, validity not positive,
// bad OIDs and URIs, patterns that are no addresses): invalid_argument, naming the field.
Status check_profile(const CertificateProfile& profile);

// Profiles of the appliance's own certificates.
CertificateProfile root_ca_profile();
CertificateProfile intermediate_ca_profile();
CertificateProfile ocsp_responder_profile();  // id-kp-OCSPSigning and nocheck, 30 days
CertificateProfile tls_server_profile();
CertificateProfile document_signing_profile();

// Glob match: `*` stands for any run of characters but those in `except`.
bool glob_match(std::string_view pattern, std::string_view text, std::string_view except = {});

}  // namespace signet::pki
