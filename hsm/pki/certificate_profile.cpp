#include "hsm/pki/certificate_profile.h"

#include <openssl/objects.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/address_prefix.h"

namespace signet::pki {
namespace {

struct UsageName {
    CertificateUsage usage;
    std::string_view name;
};
constexpr std::array kUsages{
    UsageName{CertificateUsage::digital_signature, "digitalSignature"},
    UsageName{CertificateUsage::content_commitment, "nonRepudiation"},
    UsageName{CertificateUsage::key_encipherment, "keyEncipherment"},
    UsageName{CertificateUsage::data_encipherment, "dataEncipherment"},
    UsageName{CertificateUsage::key_agreement, "keyAgreement"},
    UsageName{CertificateUsage::key_cert_sign, "keyCertSign"},
    UsageName{CertificateUsage::crl_sign, "cRLSign"},
    UsageName{CertificateUsage::encipher_only, "encipherOnly"},
    UsageName{CertificateUsage::decipher_only, "decipherOnly"},
};

struct PurposeName {
    std::string_view name;
    std::string_view oid;
};
constexpr std::array kPurposes{
    PurposeName{"serverAuth", "1.3.6.1.5.5.7.3.1"},       PurposeName{"clientAuth", "1.3.6.1.5.5.7.3.2"},
    PurposeName{"codeSigning", "1.3.6.1.5.5.7.3.3"},      PurposeName{"emailProtection", "1.3.6.1.5.5.7.3.4"},
    PurposeName{"timeStamping", "1.3.6.1.5.5.7.3.8"},     PurposeName{"OCSPSigning", "1.3.6.1.5.5.7.3.9"},
    PurposeName{"documentSigning", "1.3.6.1.5.5.7.3.36"},
};

std::unexpected<Error> wrong(const CertificateProfile& profile, std::string_view field,
                             std::string_view why) {
    return fail(ErrorCode::invalid_argument,
                "profile " + profile.name + ", " + std::string(field) + ": " + std::string(why));
}

bool is_oid(const std::string& text) {
    if (text.empty() || text.size() > 96 || text.front() < '0' || text.front() > '2') return false;
    ASN1_OBJECT* object = OBJ_txt2obj(text.c_str(), 1);
    ASN1_OBJECT_free(object);
    return object != nullptr;
}

Status check_uris(const CertificateProfile& profile, std::string_view field,
                  const std::vector<std::string>& uris) {
    if (uris.size() > 8) return wrong(profile, field, "at most eight URIs");
    for (const auto& uri : uris) {
        const bool scheme =
            uri.starts_with("http://") || uri.starts_with("ldap://") || uri.starts_with("https://");
        if (!scheme || !check_general_name({GeneralNameKind::uri, uri}))
            return wrong(profile, field, "'" + uri + "' is not an http or ldap URI");
    }
    return {};
}

Status check_subject(const CertificateProfile& profile) {
    if (profile.any_subject && !profile.subject.empty())
        return wrong(profile, "subject", "rules have no effect beside any_subject");
    if (profile.subject.size() > kMaxNameAttributes)
        return wrong(profile, "subject", "at most 32 attributes");
    for (const auto& rule : profile.subject) {
        if (OBJ_sn2nid(rule.attribute.c_str()) == NID_undef && !is_oid(rule.attribute))
            return wrong(profile, "subject",
                         "'" + rule.attribute + "' is neither an attribute's short name nor an OID");
        if (rule.value && (rule.value->empty() || rule.value->size() > kMaxAttributeSize))
            return wrong(profile, "subject",
                         "the value of " + rule.attribute + " is empty or over 256 bytes");
    }
    return {};
}

Status check_ca(const CertificateProfile& profile) {
    const bool signs = has(profile.key_usage, CertificateUsage::key_cert_sign);
    if (signs != profile.certificate_authority)
        return wrong(profile, "key_usage",
                     "keyCertSign and certificate_authority go together (RFC 5280 section 4.2.1.9)");
    if (has(profile.key_usage, CertificateUsage::crl_sign) && !profile.certificate_authority)
        return wrong(profile, "key_usage", "cRLSign is for certificate authorities");
    if (profile.path_length &&
        (!profile.certificate_authority || *profile.path_length < 0 || *profile.path_length > 16))
        return wrong(profile, "path_length", "0 to 16, and only with certificate_authority");
    return {};
}

// Matches from the end of `pattern` back only on a '*': linear in practice, and bounded by both lengths.
bool match_from(std::string_view pattern, std::string_view text, std::string_view except) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos && !except.contains(text[resume])) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

}  // namespace

std::optional<CertificateUsage> certificate_usage_from(std::string_view name) {
    if (name == "contentCommitment") return CertificateUsage::content_commitment;
    if (name == "crlSign") return CertificateUsage::crl_sign;
    for (const auto& known : kUsages) {
        if (known.name == name) return known.usage;
    }
    return std::nullopt;
}

std::vector<std::string> to_strings(CertificateUsages usages) {
    std::vector<std::string> out;
    for (const auto& known : kUsages) {
        if (has(usages, known.usage)) out.emplace_back(known.name);
    }
    return out;
}

Result<std::string> extended_key_usage_from(std::string_view name) {
    for (const auto& known : kPurposes) {
        if (known.name == name) return std::string(known.oid);
    }
    std::string oid(name);
    if (is_oid(oid)) return oid;
    return fail(ErrorCode::invalid_argument,
                "'" + oid +
                    "' is no extended key usage; known are serverAuth, clientAuth, codeSigning, "
                    "emailProtection, timeStamping, OCSPSigning, documentSigning and dotted OIDs");
}

Status check_profile(const CertificateProfile& profile) {
    if (profile.validity.count() <= 0 || profile.validity > std::chrono::hours{24 * 366 * 100})
        return wrong(profile, "validity", "more than nothing and at most 100 years");
    SIGNET_TRY(check_ca(profile));
    if (profile.key_usage == 0 || profile.key_usage >= 1 << 9)
        return wrong(profile, "key_usage", "at least one usage");
    for (const auto& purpose : profile.extended_key_usage) {
        if (!extended_key_usage_from(purpose))
            return wrong(profile, "extended_key_usage", "'" + purpose + "' is unknown");
    }
    SIGNET_TRY(check_subject(profile));
    for (const auto& prefix : profile.alternative_names.ip) {
        if (!AddressPrefix::parse(prefix))
            return wrong(profile, "alternative_names",
                         "'" + prefix + "' is no address or prefix such as 192.0.2.0/24");
    }
    if (profile.alternative_names.max > 100) return wrong(profile, "alternative_names", "at most 100 names");
    SIGNET_TRY(check_uris(profile, "crl_distribution_points", profile.crl_distribution_points));
    SIGNET_TRY(check_uris(profile, "ocsp_urls", profile.ocsp_urls));
    SIGNET_TRY(check_uris(profile, "ca_issuers_urls", profile.ca_issuers_urls));
    for (const auto& policy : profile.policies) {
        if (!is_oid(policy)) return wrong(profile, "policies", "'" + policy + "' is no dotted OID");
    }
    return {};
}

CertificateProfile root_ca_profile() {
    CertificateProfile profile;
    profile.name = "root-ca";
    profile.validity = std::chrono::hours{24 * 3652};
    profile.key_usage = bit(CertificateUsage::key_cert_sign) | bit(CertificateUsage::crl_sign) |
                        bit(CertificateUsage::digital_signature);
    profile.certificate_authority = true;
    profile.any_subject = true;
    return profile;
}

CertificateProfile intermediate_ca_profile() {
    auto profile = root_ca_profile();
    profile.name = "intermediate-ca";
    profile.validity = std::chrono::hours{24 * 1826};
    profile.path_length = 0;
    return profile;
}

CertificateProfile ocsp_responder_profile() {
    CertificateProfile profile;
    profile.name = "ocsp-responder";
    profile.validity = std::chrono::hours{24 * 30};
    profile.extended_key_usage = {"OCSPSigning"};
    profile.any_subject = true;
    profile.ocsp_no_check = true;
    return profile;
}

CertificateProfile tls_server_profile() {
    CertificateProfile profile;
    profile.name = "tls-server";
    profile.validity = std::chrono::hours{24 * 397};
    profile.extended_key_usage = {"serverAuth"};
    profile.any_subject = true;
    profile.alternative_names.dns = {"*", "*.*", "*.*.*", "*.*.*.*", "*.*.*.*.*"};
    profile.alternative_names.ip = {"0.0.0.0/0", "::/0"};
    profile.alternative_names.required = true;
    return profile;
}

CertificateProfile document_signing_profile() {
    CertificateProfile profile;
    profile.name = "document-signing";
    profile.validity = std::chrono::hours{24 * 730};
    profile.key_usage = bit(CertificateUsage::digital_signature) | bit(CertificateUsage::content_commitment);
    profile.extended_key_usage = {"emailProtection", "documentSigning"};
    profile.any_subject = true;
    return profile;
}

bool glob_match(std::string_view pattern, std::string_view text, std::string_view except) {
    return match_from(pattern, text, except);
}

}  // namespace signet::pki
