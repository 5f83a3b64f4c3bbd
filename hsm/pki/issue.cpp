// Issuing: a profile applied to a request, and the certificate built, linted and signed.
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>

#include "base/address_prefix.h"
#include "base/random.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/draft.h"
#include "hsm/pki/extensions.h"
#include "hsm/pki/name_codec.h"
#include "hsm/pki/signing.h"
#include "hsm/provider/library_context.h"
#include "hsm/provider/openssl_error.h"

namespace signet::pki {
namespace {

using provider::fail_openssl;
using provider::X509Ptr;

std::unexpected<Error> refused(std::string message) {
    return fail(ErrorCode::unprocessable, std::move(message));
}

// Short name where there is one, so that "2.5.4.3" and "CN" are the same attribute.
std::string canonical_type(const std::string& type) {
    const int nid = OBJ_txt2nid(type.c_str());
    return nid == NID_undef ? type : OBJ_nid2sn(nid);
}

Result<Name> apply_subject(const CertificateProfile& profile, const Name& asked) {
    if (profile.any_subject) return asked;
    Name out;
    for (const auto& rule : profile.subject) {
        const auto type = canonical_type(rule.attribute);
        if (rule.value) {
            out.push_back({type, *rule.value});
            continue;
        }
        bool found = false;
        for (const auto& attribute : asked) {
            if (canonical_type(attribute.type) != type) continue;
            if (!glob_match(rule.pattern, attribute.value))
                return refused("the profile " + profile.name + " does not take this value of " + type +
                               " in the subject");
            out.push_back({type, attribute.value});
            found = true;
        }
        if (rule.required && !found)
            return refused("the profile " + profile.name + " requires " + type + " in the subject");
    }
    for (const auto& attribute : asked) {
        const auto type = canonical_type(attribute.type);
        const bool known = std::ranges::any_of(
            profile.subject, [&](const auto& rule) { return canonical_type(rule.attribute) == type; });
        if (!known)
            return refused("the profile " + profile.name + " does not take " + type + " in the subject");
    }
    return out;
}

std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

bool allows(const AlternativeNamePolicy& policy, const GeneralName& name) {
    const auto matches = [&](const std::vector<std::string>& patterns, std::string_view except, bool fold) {
        return std::ranges::any_of(patterns, [&](const std::string& pattern) {
            return fold ? glob_match(lower(pattern), lower(name.value), except)
                        : glob_match(pattern, name.value, except);
        });
    };
    switch (name.kind) {
        case GeneralNameKind::dns:
            return matches(policy.dns, ".", true);
        case GeneralNameKind::uri:
            return matches(policy.uri, {}, false);
        case GeneralNameKind::email:
            return matches(policy.email, "@", true);
        case GeneralNameKind::ip:
            return std::ranges::any_of(policy.ip, [&](const std::string& text) {
                const auto prefix = AddressPrefix::parse(text);
                return prefix && prefix->contains(name.value);
            });
    }
    return false;
}

Result<std::vector<GeneralName>> apply_alternative_names(const CertificateProfile& profile,
                                                         const std::vector<GeneralName>& asked) {
    const auto& policy = profile.alternative_names;
    std::vector<GeneralName> out;
    for (const auto& name : asked) {
        if (allows(policy, name)) {
            if (std::ranges::find(out, name) == out.end()) out.push_back(name);
        } else if (policy.refuse_others) {
            return refused("the profile " + profile.name + " does not take the alternative name " +
                           to_string(name));
        }
    }
    if (out.size() > policy.max)
        return refused("the profile " + profile.name + " takes at most " + std::to_string(policy.max) +
                       " alternative names");
    if (policy.required && out.empty())
        return refused("the profile " + profile.name + " requires an alternative name");
    return out;
}

Status check_key_type(const CertificateProfile& profile, const PublicKey& key) {
    if (profile.key_types.empty() ||
        std::ranges::find(profile.key_types, key.name()) != profile.key_types.end())
        return {};
    return refused("the profile " + profile.name + " does not take keys of " + key.name());
}

struct Validity {
    SystemTime from, until;
};

// Whole seconds, inside the CA's own validity when there is a CA.
Result<Validity> decide_validity(const CertificateProfile& profile, const IssueOptions& options,
                                 const Certificate* ca) {
    const auto validity = options.validity.value_or(profile.validity);
    if (validity.count() <= 0 || validity > profile.validity)
        return refused("the profile " + profile.name + " issues for at most " +
                       std::to_string(profile.validity.count()) + " seconds");
    Validity out{options.now - options.backdate, options.now + validity};
    if (options.not_after) {
        if (*options.not_after <= options.now || *options.not_after > options.now + profile.validity)
            return refused("the end of validity asked for is past, or later than the profile " +
                           profile.name + " allows");
        out.until = *options.not_after;
    }
    if (ca != nullptr) {
        if (options.now < ca->not_before() || options.now >= ca->not_after())
            return fail(ErrorCode::failed_precondition, "the CA's certificate is not valid now: renew it");
        out.from = std::max(out.from, ca->not_before());
        out.until = std::min(out.until, ca->not_after());
    }
    out.from = std::chrono::floor<std::chrono::seconds>(out.from);
    out.until = std::chrono::floor<std::chrono::seconds>(out.until);
    return out;
}

Status check_ca(const Certificate& ca, const CertificateProfile& profile) {
    if (!ca.is_ca() || (ca.key_usage() && !has(*ca.key_usage(), CertificateUsage::key_cert_sign)))
        return fail(ErrorCode::failed_precondition,
                    "the certificate " + ca.subject_text() + " is not one of a CA");
    if (!profile.certificate_authority || !ca.path_length()) return {};
    if (*ca.path_length() == 0)
        return refused("the CA " + ca.subject_text() + " may not issue to other CAs (path length 0)");
    if (profile.path_length.value_or(255) >= *ca.path_length())
        return refused("the profile " + profile.name + " needs a path length below the CA's " +
                       std::to_string(*ca.path_length()));
    return {};
}

// A key that vouches for nothing: what it signs is linted and thrown away before the CA's key is asked.
EVP_PKEY* linting_key() {
    static EVP_PKEY* const key = EVP_PKEY_Q_keygen(provider::software_context(), nullptr, "EC", "P-256");
    return key;
}

Result<Certificate> encode(X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    if (size <= 0) return fail_openssl(ErrorCode::internal, "cannot encode the certificate");
    const std::string encoded(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return Certificate::parse(encoded);
}

Status check_lint(const Result<Certificate>& certificate) {
    if (!certificate)
        return fail(ErrorCode::unprocessable,
                    "the certificate would not be one we accept: " + certificate.error().message,
                    certificate.error().detail);
    const auto findings = lint(*certificate);
    if (findings.empty()) return {};
    return refused("the certificate would break RFC 5280: " + findings.front());
}

Status set_serial(X509* certificate, const IssueOptions& options) {
    const auto serial = options.serial.value_or(random_serial());
    if (serial.size() != 16 || serial.front() == 0)
        return fail(ErrorCode::invalid_argument, "a serial number is 16 bytes, the first one not zero");
    BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
    const bool set =
        number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
    BN_free(number);
    if (set) return {};
    return fail_openssl(ErrorCode::internal, "cannot set the serial number");
}

// Without an issuer it is self-signed.
Result<X509Ptr> build(const Certificate* issuer, const CertificateProfile& profile,
                      const IssueRequest& request, const IssueOptions& options) {
    SIGNET_ASSIGN(const auto validity, decide_validity(profile, options, issuer));
    SIGNET_ASSIGN(const auto subject, make_name(request.subject));
    X509Ptr certificate(X509_new_ex(provider::software_context(), nullptr));
    auto* x509 = certificate.get();
    const auto* issuer_name = issuer != nullptr ? X509_get_subject_name(issuer->get()) : subject.get();
    if (x509 == nullptr || X509_set_version(x509, X509_VERSION_3) != 1 ||
        X509_set_subject_name(x509, subject.get()) != 1 || X509_set_issuer_name(x509, issuer_name) != 1 ||
        X509_set_pubkey(x509, request.public_key.get()) != 1 ||
        !set_asn1_time(X509_getm_notBefore(x509), validity.from) ||
        !set_asn1_time(X509_getm_notAfter(x509), validity.until))
        return fail_openssl(ErrorCode::internal, "cannot build the certificate");
    SIGNET_TRY(set_serial(x509, options));
    const auto own_identifier = request.public_key.key_identifier();
    Bytes issuer_identifier = own_identifier;
    if (issuer != nullptr) {
        issuer_identifier = issuer->subject_key_identifier();
        if (issuer_identifier.empty()) issuer_identifier = issuer->public_key().key_identifier();
    }
    SIGNET_TRY(add_extensions(x509, profile, request.alternative_names, request.subject.empty(),
                              own_identifier, issuer_identifier));
    return certificate;
}

// The structure, and the same signed by the linting key.
Result<std::pair<X509Ptr, Certificate>> build_and_lint(const Certificate* issuer,
                                                       const CertificateProfile& profile,
                                                       const IssueRequest& request,
                                                       const IssueOptions& options) {
    provider::clear_openssl_errors();
    SIGNET_TRY(check_profile(profile));
    SIGNET_TRY(check_key_type(profile, request.public_key));
    SIGNET_ASSIGN(auto x509, build(issuer, profile, request, options));
    if (X509_sign(x509.get(), linting_key(), EVP_sha256()) <= 0)
        return fail_openssl(ErrorCode::internal, "cannot sign the certificate for linting");
    auto linted = encode(x509.get());
    SIGNET_TRY(check_lint(linted));
    return std::pair{std::move(x509), *std::move(linted)};
}

Result<Certificate> build_and_sign(const provider::TokenKey& key, const Certificate* issuer,
                                   const CertificateProfile& profile, const IssueRequest& request,
                                   const IssueOptions& options, Deadline deadline) {
    SIGNET_ASSIGN(const auto built, build_and_lint(issuer, profile, request, options));
    const auto& x509 = built.first;

    SIGNET_ASSIGN(const auto context, start_signature(key, options.algorithm));
    const provider::DeadlineScope scope(deadline);
    if (X509_sign_ctx(x509.get(), context.get()) <= 0)
        return fail_openssl(ErrorCode::internal, "cannot sign the certificate");
    auto certificate = encode(x509.get());
    SIGNET_TRY(check_lint(certificate));
    // Catches a token that signed with another key, and faults of its arithmetic.
    if (!certificate->signed_by(issuer != nullptr ? *issuer : *certificate))
        return fail(ErrorCode::internal,
                    "the token's signature over the certificate does not verify under the CA's key");
    return certificate;
}

}  // namespace

Bytes random_serial() {
    auto serial = random_bytes(16);
    while (serial.front() == 0)
        serial = random_bytes(16);
    return serial;
}

Result<IssueRequest> apply_profile(const CertificateProfile& profile, const CertificateRequest& csr) {
    SIGNET_TRY(check_profile(profile));
    SIGNET_TRY(check_key_type(profile, csr.public_key));
    if (csr.extensions.certificate_authority && !profile.certificate_authority)
        return refused("the certificate request asks for a CA certificate, and the profile " + profile.name +
                       " is not for CAs");
    SIGNET_ASSIGN(auto subject, apply_subject(profile, csr.subject));
    SIGNET_ASSIGN(auto names, apply_alternative_names(profile, csr.extensions.alternative_names));
    if (subject.empty() && names.empty()) return refused("nothing would name the subject of the certificate");
    return IssueRequest{csr.public_key, std::move(subject), std::move(names)};
}

Result<Certificate> issue(const provider::TokenKey& ca_key, const Certificate& ca,
                          const CertificateProfile& profile, const IssueRequest& request,
                          const IssueOptions& options, Deadline deadline) {
    SIGNET_TRY(check_key(ca_key, KeyUsage::certify, ca.public_key(), "the CA " + ca.subject_text()));
    SIGNET_TRY(check_ca(ca, profile));
    if (request.public_key == ca.public_key())
        return refused("the certificate request is for the CA's own key");
    return build_and_sign(ca_key, &ca, profile, request, options, deadline);
}

Result<Certificate> self_sign(const provider::TokenKey& key, const CertificateProfile& profile,
                              const Name& subject, const IssueOptions& options, Deadline deadline) {
    SIGNET_ASSIGN(auto public_key, PublicKey::from_spki(key.public_key()));
    SIGNET_TRY(check_key(key, KeyUsage::certify, public_key, "the root"));
    return build_and_sign(key, nullptr, profile, {std::move(public_key), subject, {}}, options, deadline);
}

Result<Certificate> draft(const Certificate* issuer, const CertificateProfile& profile,
                          const IssueRequest& request, const IssueOptions& options) {
    if (issuer != nullptr) SIGNET_TRY(check_ca(*issuer, profile));
    SIGNET_ASSIGN(auto built, build_and_lint(issuer, profile, request, options));
    return std::move(built.second);
}

}  // namespace signet::pki
