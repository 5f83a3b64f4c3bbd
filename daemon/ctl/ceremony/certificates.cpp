#include "daemon/ctl/ceremony/certificates.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/file.h"
#include "hsm/pki/csr.h"
#include "hsm/provider/library_context.h"

namespace signet::ctl::ceremony {
namespace {

std::unexpected<Error> refused(const PlannedCertificate& planned, const std::string& why) {
    return fail(ErrorCode::unprocessable, "certificate '" + planned.name + "': " + why);
}

}  // namespace

pki::CertificateProfile profile_of(const PlannedCertificate& planned) {
    auto profile = planned.profile == "root-ca"           ? pki::root_ca_profile()
                   : planned.profile == "intermediate-ca" ? pki::intermediate_ca_profile()
                                                          : pki::ocsp_responder_profile();
    profile.validity = planned.validity;
    if (profile.certificate_authority && planned.path_length) profile.path_length = planned.path_length;
    if (!planned.crl_url.empty()) profile.crl_distribution_points = {planned.crl_url};
    if (!planned.ocsp_url.empty()) profile.ocsp_urls = {planned.ocsp_url};
    if (!planned.issuer_url.empty()) profile.ca_issuers_urls = {planned.issuer_url};
    return profile;
}

Result<std::string> read_reviewed(const Plan& plan, const std::filesystem::path& file, const Sha256& sha256) {
    const auto path = plan.path(file);
    SIGNET_ASSIGN(auto text, read_file(path, std::size_t{1} << 20));
    if (signet::sha256(as_bytes(text)) == sha256) return text;
    return fail(ErrorCode::failed_precondition,
                path.string() + " is not the file that was reviewed: its SHA-256 is another one");
}

Result<pki::Certificate> existing_certificate(const Plan& plan, const ExistingKey& key) {
    SIGNET_ASSIGN(const auto text,
                  read_reviewed(plan, key.certificate, key.certificate_sha256.value_or(Sha256{})));
    return pki::Certificate::parse(text);
}

Result<pki::IssueRequest> request_of(const Plan& plan, const PlannedCertificate& planned,
                                     const pki::PublicKey* own_key) {
    if (own_key != nullptr) return pki::IssueRequest{*own_key, planned.subject, {}};
    SIGNET_ASSIGN(const auto text,
                  read_reviewed(plan, planned.input, planned.input_sha256.value_or(Sha256{})));
    if (planned.kind == CertificateKind::csr) {
        SIGNET_ASSIGN(auto request, pki::parse_csr(text));
        if (request.subject != planned.subject)
            return refused(planned, "the request is for '" + request.subject_text +
                                        "', the ceremony's file says '" + pki::to_rfc4514(planned.subject) +
                                        "'");
        return pki::IssueRequest{std::move(request.public_key), planned.subject, {}};
    }
    SIGNET_ASSIGN(const auto other, pki::Certificate::parse(text));
    if (!other.is_ca())
        return refused(planned, "'" + other.subject_text() + "' is no CA and cannot be cross-signed");
    return pki::IssueRequest{other.public_key(), other.subject(), {}};
}

Result<pki::PublicKey> throwaway_key(KeyAlgorithm algorithm) {
    auto* const library = provider::software_context();
    // Every RSA size is looked at alike, and small keys are made at once.
    EVP_PKEY* const key =
        is_rsa(algorithm)                    ? EVP_PKEY_Q_keygen(library, nullptr, "RSA", std::size_t{2048})
        : algorithm == KeyAlgorithm::ec_p256 ? EVP_PKEY_Q_keygen(library, nullptr, "EC", "P-256")
        : algorithm == KeyAlgorithm::ec_p384 ? EVP_PKEY_Q_keygen(library, nullptr, "EC", "P-384")
                                             : EVP_PKEY_Q_keygen(library, nullptr, "ED25519");
    unsigned char* der = nullptr;
    const int size = key == nullptr ? -1 : i2d_PUBKEY(key, &der);
    EVP_PKEY_free(key);
    if (size <= 0) return fail(ErrorCode::internal, "cannot make a key for a draft");
    const Bytes spki(der, der + size);
    OPENSSL_free(der);
    return pki::PublicKey::from_spki(spki);
}

}  // namespace signet::ctl::ceremony
