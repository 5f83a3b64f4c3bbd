// What the configuration says of the certificate authorities, with its files read and checked.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/config/config.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/certificate_profile.h"

namespace signet::service {

// One version of a CA's key, known by its certificate.
struct AuthorityVersion {
    pki::Certificate certificate;
    std::vector<pki::Certificate> chain;        // towards the root, without the certificate itself
    std::optional<pki::Certificate> responder;  // delegated OCSP certificate, issued by this version
};

struct Authority {
    config::CertificateAuthority settings;
    std::map<std::string, pki::CertificateProfile, std::less<>> profiles;
    std::vector<AuthorityVersion> versions;
};

using AuthorityMap = std::map<std::string, Authority, std::less<>>;

// Reads the PEM files. Errors name the CA and the file.
Result<std::shared_ptr<const AuthorityMap>> load_authorities(
    const std::map<std::string, config::CertificateAuthority>& settings);

}  // namespace signet::service
