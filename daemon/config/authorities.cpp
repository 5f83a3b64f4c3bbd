#include <algorithm>
#include <regex>

#include "base/yaml.h"
#include "daemon/config/reader.h"

namespace signet::config {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

const std::initializer_list<std::string_view> kSubjectAttributes = {"CN", "O",  "OU",          "C",
                                                                    "L",  "ST", "serialNumber"};
const std::initializer_list<std::string_view> kAlternativeNames = {"dns", "uri", "email", "ip"};
// RFC 5280 section 4.2.1.3; keyCertSign and cRLSign are left out: a profile is for end entities.
const std::initializer_list<std::string_view> kKeyUsages = {
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment",
    "keyAgreement",     "encipherOnly",   "decipherOnly"};
const std::initializer_list<std::string_view> kExtendedKeyUsages = {
    "serverAuth", "clientAuth", "codeSigning", "emailProtection", "timeStamping", "OCSPSigning"};

// Dotted decimal with at least two arcs and the first 0, 1 or 2 (X.660).
bool is_oid(const std::string& text) {
    static const std::regex form("[0-2](\\.(0|[1-9][0-9]{0,9})){1,24}");
    return text.size() <= 128 && std::regex_match(text, form);
}

Result<std::vector<std::string>> read_oids(const yaml::Node& node,
                                           std::initializer_list<std::string_view> names) {
    if (!node.is_list()) return node.error("expected a list");
    SIGNET_ASSIGN(const auto items, node.items());
    std::vector<std::string> out;
    for (const auto& item : items) {
        SIGNET_ASSIGN(auto text, item.text(128));
        if (!is_oid(text) && std::ranges::find(names, text) == names.end()) {
            std::string expected = "expected an OID such as 1.3.6.1.4.1.99999.1";
            for (const auto name : names)
                expected += ", " + std::string(name);
            return item.error(expected);
        }
        out.push_back(std::move(text));
    }
    return out;
}

Status read_url(const yaml::Node& parent, std::string_view key, std::string& url) {
    const auto node = parent.optional(key);
    if (!node) return {};
    SIGNET_ASSIGN(url, node->text(1024));
    const bool printable = std::ranges::all_of(url, [](char c) { return c > ' ' && c < '\x7f'; });
    // RFC 5280 sections 4.2.1.13 and 4.2.2.1; not https, which would need a check of a certificate to check
    // one.
    if (!printable || !url.starts_with("http://") || url.size() < 8)
        return node->error("expected a URL that begins with http://");
    return {};
}

Result<std::vector<KeyAlgorithm>> read_key_types(const yaml::Node& node) {
    SIGNET_ASSIGN(const auto words,
                  read_words(node, {"rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384", "ed25519"}));
    if (words.empty()) return node.error("expected at least one key type");
    std::vector<KeyAlgorithm> out;
    for (const auto& word : words)
        out.push_back(*key_algorithm_from(word));
    return out;
}

Status read_subject(const yaml::Node& node, Profile& profile) {
    const auto subject = node.optional("subject");
    if (subject && subject->is_map()) {
        SIGNET_TRY(subject->only(kSubjectAttributes));
        SIGNET_ASSIGN(const auto entries, subject->entries());
        for (const auto& [attribute, pattern] : entries) {
            SIGNET_ASSIGN(auto text, pattern.text(256));
            if (text.empty()) return pattern.error("expected a pattern such as \"device-*\" or \"*\"");
            profile.subject.push_back({attribute, std::move(text), false});
        }
    } else {
        std::vector<std::string> attributes(kSubjectAttributes.begin(), kSubjectAttributes.end());
        if (subject) {
            SIGNET_ASSIGN(attributes, read_words(*subject, kSubjectAttributes));
        }
        for (auto& attribute : attributes)
            profile.subject.push_back({std::move(attribute), "*", false});
    }
    const auto required = node.optional("required_subject");
    if (!required) return {};
    SIGNET_ASSIGN(const auto words, read_words(*required, kSubjectAttributes));
    for (const auto& attribute : words) {
        const auto found = std::ranges::find(profile.subject, attribute, &Profile::Subject::attribute);
        if (found == profile.subject.end())
            return required->error("'" + attribute +
                                   "' is required but not among the profile's subject attributes");
        found->required = true;
    }
    return {};
}

Status read_alternative_names(const yaml::Node& node, Profile& profile) {
    SIGNET_TRY(node.only(kAlternativeNames));
    SIGNET_ASSIGN(const auto kinds, node.entries());
    for (const auto& [kind, patterns] : kinds) {
        SIGNET_ASSIGN(auto texts, patterns.texts());
        if (texts.empty() || std::ranges::find(texts, "") != texts.end())
            return patterns.error("expected at least one pattern");
        profile.alternative_names.emplace(kind, std::move(texts));
    }
    return {};
}

Result<Profile> read_profile(const std::string& name, const yaml::Node& node) {
    SIGNET_TRY(
        node.only({"validity", "key_types", "subject", "required_subject", "alternative_names", "key_usage",
                   "extended_key_usage", "policies", "crl_url", "ocsp_url", "issuer_url"}));
    Profile profile;
    profile.name = name;
    SIGNET_ASSIGN(const auto validity, node.required("validity"));
    SIGNET_ASSIGN(const auto time, read_duration(validity, 1min, std::chrono::days{36'500}));
    profile.validity = std::chrono::duration_cast<std::chrono::seconds>(time);
    profile.key_types = {KeyAlgorithm::ec_p256,  KeyAlgorithm::ec_p384,  KeyAlgorithm::ed25519,
                         KeyAlgorithm::rsa_2048, KeyAlgorithm::rsa_3072, KeyAlgorithm::rsa_4096};
    if (const auto types = node.optional("key_types")) {
        SIGNET_ASSIGN(profile.key_types, read_key_types(*types));
    }
    SIGNET_TRY(read_subject(node, profile));
    if (const auto names = node.optional("alternative_names"))
        SIGNET_TRY(read_alternative_names(*names, profile));
    SIGNET_ASSIGN(const auto usage, node.required("key_usage"));
    SIGNET_ASSIGN(profile.key_usage, read_words(usage, kKeyUsages));
    if (profile.key_usage.empty())
        return usage.error("expected at least one key usage, such as digitalSignature");
    if (const auto extended = node.optional("extended_key_usage")) {
        SIGNET_ASSIGN(profile.extended_key_usage, read_oids(*extended, kExtendedKeyUsages));
    }
    if (const auto policies = node.optional("policies")) {
        SIGNET_ASSIGN(profile.policies, read_oids(*policies, {}));
    }
    SIGNET_TRY(read_url(node, "crl_url", profile.crl_url));
    SIGNET_TRY(read_url(node, "ocsp_url", profile.ocsp_url));
    SIGNET_TRY(read_url(node, "issuer_url", profile.issuer_url));
    return profile;
}

Status read_crl(const yaml::Node& node, const fs::path& directory, Crl& crl) {
    SIGNET_TRY(node.only({"validity", "interval", "alarm", "file"}));
    if (const auto validity = node.optional("validity")) {
        SIGNET_ASSIGN(crl.validity, read_duration(*validity, 1min, std::chrono::days{3650}));
    }
    if (const auto interval = node.optional("interval")) {
        SIGNET_ASSIGN(crl.interval, read_duration(*interval, 10s, std::chrono::days{3650}));
    }
    if (const auto alarm = node.optional("alarm")) {
        SIGNET_ASSIGN(crl.alarm, read_duration(*alarm, 1s, std::chrono::days{3650}));
    }
    if (const auto file = node.optional("file")) {
        SIGNET_ASSIGN(crl.file, read_path(*file, directory));
    }
    if (crl.interval >= crl.validity)
        return node.error(
            "expected interval to be shorter than validity: a CRL must be replaced before it ends");
    if (crl.alarm >= crl.validity) return node.error("expected alarm to be shorter than validity");
    return {};
}

Result<std::vector<fs::path>> read_paths(const yaml::Node& node, const fs::path& directory) {
    std::vector<fs::path> out;
    if (!node.is_list()) {
        SIGNET_ASSIGN(auto path, read_path(node, directory));
        out.push_back(std::move(path));
        return out;
    }
    SIGNET_ASSIGN(const auto items, node.items());
    if (items.empty()) return node.error("expected at least one PEM file");
    for (const auto& item : items) {
        SIGNET_ASSIGN(auto path, read_path(item, directory));
        out.push_back(std::move(path));
    }
    return out;
}

Status read_ocsp(const yaml::Node& node, const fs::path& directory, Ocsp& ocsp) {
    SIGNET_TRY(node.only({"key", "certificate", "validity", "public_signatures"}));
    const auto key = node.optional("key");
    const auto certificate = node.optional("certificate");
    if (key.has_value() != certificate.has_value())
        return node.error(
            "key and certificate belong together: a delegated responder needs both (RFC 6960 section "
            "4.2.2.2)");
    if (key) {
        SIGNET_ASSIGN(ocsp.key, read_label(*key));
        SIGNET_ASSIGN(ocsp.certificates, read_paths(*certificate, directory));
    }
    if (const auto validity = node.optional("validity")) {
        SIGNET_ASSIGN(ocsp.validity, read_duration(*validity, 1min, std::chrono::days{30}));
    }
    if (const auto rate = node.optional("public_signatures")) {
        SIGNET_ASSIGN(const auto number, rate->integer(1, 100'000));
        ocsp.public_signatures = static_cast<std::uint32_t>(number);
    }
    return {};
}

Result<CertificateAuthority> read_authority(const std::string& label, const yaml::Node& node,
                                            const fs::path& directory) {
    SIGNET_TRY(node.only({"certificate", "profiles", "crl", "ocsp"}));
    if (const auto valid = check_label(label); !valid) return node.error(valid.error().message);
    CertificateAuthority authority;
    authority.label = label;
    SIGNET_ASSIGN(const auto certificate, node.required("certificate"));
    SIGNET_ASSIGN(authority.certificates, read_paths(certificate, directory));
    if (const auto profiles = node.optional("profiles")) {
        SIGNET_ASSIGN(const auto entries, profiles->entries());
        for (const auto& [name, entry] : entries) {
            if (const auto valid = check_label(name); !valid) return entry.error(valid.error().message);
            SIGNET_ASSIGN(auto profile, read_profile(name, entry));
            authority.profiles.emplace(name, std::move(profile));
        }
    }
    if (const auto crl = node.optional("crl")) SIGNET_TRY(read_crl(*crl, directory, authority.crl));
    if (const auto ocsp = node.optional("ocsp")) SIGNET_TRY(read_ocsp(*ocsp, directory, authority.ocsp));
    return authority;
}

}  // namespace

Result<std::map<std::string, CertificateAuthority>> read_authorities(const yaml::Node& node,
                                                                     const fs::path& directory) {
    SIGNET_ASSIGN(const auto entries, node.entries());
    std::map<std::string, CertificateAuthority> out;
    for (const auto& [label, entry] : entries) {
        SIGNET_ASSIGN(auto authority, read_authority(label, entry, directory));
        out.emplace(label, std::move(authority));
    }
    return out;
}

}  // namespace signet::config
