#include "daemon/service/authority_material.h"

#include <algorithm>

#include "base/file.h"

namespace signet::service {
namespace {

std::unexpected<Error> at_file(const std::string& ca, const std::filesystem::path& file, Error error) {
    error.message = "ca." + ca + ": " + file.string() + ": " + error.message;
    return std::unexpected(std::move(error));
}

Result<std::vector<pki::Certificate>> read_bundle(const std::string& ca, const std::filesystem::path& file) {
    const auto text = read_file(file, std::size_t{1} << 20);
    if (!text) return at_file(ca, file, text.error());
    auto bundle = pki::Certificate::parse_bundle(*text);
    if (!bundle) return at_file(ca, file, bundle.error());
    return bundle;
}

Result<pki::CertificateProfile> profile_of(const config::Profile& settings) {
    pki::CertificateProfile profile;
    profile.name = settings.name;
    profile.validity = settings.validity;
    profile.key_usage = 0;
    for (const auto& name : settings.key_usage)
        profile.key_usage = static_cast<pki::CertificateUsages>(profile.key_usage |
                                                                pki::bit(*pki::certificate_usage_from(name)));
    for (const auto& name : settings.extended_key_usage) {
        SIGNET_ASSIGN(auto oid, pki::extended_key_usage_from(name));
        profile.extended_key_usage.push_back(std::move(oid));
    }
    for (const auto& rule : settings.subject)
        profile.subject.push_back({rule.attribute, rule.pattern, rule.required});
    const auto patterns = [&](const char* kind) {
        const auto found = settings.alternative_names.find(kind);
        return found == settings.alternative_names.end() ? std::vector<std::string>{} : found->second;
    };
    profile.alternative_names.dns = patterns("dns");
    profile.alternative_names.uri = patterns("uri");
    profile.alternative_names.email = patterns("email");
    profile.alternative_names.ip = patterns("ip");
    for (const auto type : settings.key_types)
        profile.key_types.emplace_back(to_string(type));
    if (!settings.crl_url.empty()) profile.crl_distribution_points.push_back(settings.crl_url);
    if (!settings.ocsp_url.empty()) profile.ocsp_urls.push_back(settings.ocsp_url);
    if (!settings.issuer_url.empty()) profile.ca_issuers_urls.push_back(settings.issuer_url);
    profile.policies = settings.policies;
    SIGNET_TRY(pki::check_profile(profile));
    return profile;
}

Status read_versions(const config::CertificateAuthority& settings, Authority& authority) {
    for (const auto& file : settings.certificates) {
        SIGNET_ASSIGN(auto bundle, read_bundle(settings.label, file));
        AuthorityVersion version{std::move(bundle.front()), {}, std::nullopt};
        version.chain.assign(std::make_move_iterator(bundle.begin() + 1),
                             std::make_move_iterator(bundle.end()));
        if (!version.certificate.is_ca())
            return at_file(settings.label, file,
                           {ErrorCode::invalid_argument, "the first certificate is not one of a CA", {}});
        authority.versions.push_back(std::move(version));
    }
    for (const auto& file : settings.ocsp.certificates) {
        SIGNET_ASSIGN(auto bundle, read_bundle(settings.label, file));
        const auto issuer = std::ranges::find_if(authority.versions, [&](const AuthorityVersion& version) {
            return bundle.front().signed_by(version.certificate);
        });
        if (issuer == authority.versions.end())
            return at_file(
                settings.label, file,
                {ErrorCode::invalid_argument, "the OCSP certificate was not issued by this CA", {}});
        issuer->responder = std::move(bundle.front());
    }
    return {};
}

}  // namespace

Result<std::shared_ptr<const AuthorityMap>> load_authorities(
    const std::map<std::string, config::CertificateAuthority>& settings) {
    auto out = std::make_shared<AuthorityMap>();
    for (const auto& [label, ca] : settings) {
        Authority authority;
        authority.settings = ca;
        SIGNET_TRY(read_versions(ca, authority));
        for (const auto& [name, profile_settings] : ca.profiles) {
            auto profile = profile_of(profile_settings);
            if (!profile) {
                profile.error().message =
                    "ca." + label + ".profiles." + name + ": " + profile.error().message;
                return std::unexpected(std::move(profile).error());
            }
            authority.profiles.emplace(name, *std::move(profile));
        }
        out->emplace(label, std::move(authority));
    }
    return out;
}

}  // namespace signet::service
