// X.509 certificates (RFC 5280): parsing, and issuing with a CA key in the token.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pki/certificate_profile.h"
#include "hsm/pki/csr.h"
#include "hsm/pki/name.h"
#include "hsm/pki/public_key.h"
#include "hsm/provider/openssl_ptr.h"
#include "hsm/provider/token_key.h"

namespace signet::pki {

inline constexpr std::size_t kMaxCertificateSize = 32 * 1024;  // bytes of DER

// Immutable, cheap to copy, safe to share among threads.
class Certificate {
  public:
    // PEM, DER or base64 of DER; exactly one certificate, version 3, no extension twice, a public key that
    // PublicKey accepts.
    static Result<Certificate> parse(std::string_view input);
    // Every "CERTIFICATE" of a PEM bundle, in order; at least one, no other kind of block.
    static Result<std::vector<Certificate>> parse_bundle(std::string_view pem);

    const Bytes& der() const { return fields_->der; }
    std::string pem() const;
    // Lower-case hex of the serial number's magnitude, an even number of digits, no leading zero byte (32
    // digits for ours).
    const std::string& serial() const { return fields_->serial; }
    const Name& subject() const { return fields_->subject; }
    const Name& issuer() const { return fields_->issuer; }
    const std::string& subject_text() const { return fields_->subject_text; }  // RFC 4514
    const std::string& issuer_text() const { return fields_->issuer_text; }
    const Bytes& subject_der() const { return fields_->subject_der; }
    const Bytes& issuer_der() const { return fields_->issuer_der; }
    SystemTime not_before() const { return fields_->not_before; }
    SystemTime not_after() const { return fields_->not_after; }
    const PublicKey& public_key() const { return fields_->public_key; }
    Sha256 fingerprint() const { return fields_->fingerprint; }  // SHA-256 over the DER
    const Bytes& subject_key_identifier() const {
        return fields_->subject_key_identifier;
    }  // empty when absent
    const Bytes& authority_key_identifier() const {
        return fields_->authority_key_identifier;
    }  // empty when absent
    const std::vector<std::string>& critical_extensions() const {
        return fields_->critical_extensions;
    }  // dotted OIDs
    bool ocsp_no_check() const { return fields_->ocsp_no_check; }
    bool is_ca() const { return fields_->is_ca; }
    std::optional<int> path_length() const { return fields_->path_length; }
    std::optional<CertificateUsages> key_usage() const { return fields_->key_usage; }
    const std::vector<std::string>& extended_key_usage() const {
        return fields_->extended_key_usage;
    }  // dotted OIDs
    const std::vector<GeneralName>& alternative_names() const { return fields_->alternative_names; }
    bool self_issued() const { return fields_->subject_der == fields_->issuer_der; }
    // Whether the signature is by `issuer`'s key and the names agree.
    bool signed_by(const Certificate& issuer) const;

    x509_st* get() const { return fields_->x509.get(); }  // in software_context(); never modified

  private:
    struct Fields {
        Bytes der;
        std::string serial;
        Name subject, issuer;
        std::string subject_text, issuer_text;
        Bytes subject_der, issuer_der;
        SystemTime not_before, not_after;
        PublicKey public_key;
        Sha256 fingerprint;
        Bytes subject_key_identifier;
        Bytes authority_key_identifier;
        bool is_ca = false;
        std::optional<int> path_length;
        std::optional<CertificateUsages> key_usage;
        std::vector<std::string> extended_key_usage;
        std::vector<GeneralName> alternative_names;
        std::vector<std::string> critical_extensions;
        bool ocsp_no_check = false;
        provider::X509Ptr x509;
    };
    explicit Certificate(std::shared_ptr<const Fields> fields) : fields_(std::move(fields)) {}
    static Result<Certificate> from_der(Bytes der);

    std::shared_ptr<const Fields> fields_;
};

// What a certificate will say, once a profile has decided; the key's owner has been proved.
struct IssueRequest {
    PublicKey public_key;
    Name subject;
    std::vector<GeneralName> alternative_names;
};
// Applies the profile to a CSR: subject, alternative names, key type. unprocessable names what the profile
// refuses.
Result<IssueRequest> apply_profile(const CertificateProfile& profile, const CertificateRequest& csr);

struct IssueOptions {
    SystemTime now;
    std::chrono::seconds backdate{300};              // notBefore = now - backdate, never before the CA's
    std::optional<std::chrono::seconds> validity{};  // shorter than the profile's; longer is refused
    std::optional<SystemTime> not_after{};           // an absolute end, bounded likewise
    std::optional<Bytes> serial{};                   // 16 bytes; default: random_serial()
    std::optional<SignAlgorithm> algorithm{};        // default: the CA key's default algorithm
};

// 16 random bytes, the first one not zero: about 128 bits of entropy, 17 content octets at most (RFC 5280
// section 4.1.2.2).
Bytes random_serial();

// Signs a certificate for `request` under `profile`. The CA's key must have been loaded for `certify` and
// belong to `ca`; `ca` must be a CA certificate that may sign certificates, is valid now, and whose path
// length has room. notAfter is the earliest of the profile's, the options' and the CA's. The result is parsed
// again and linted before it is returned.
Result<Certificate> issue(const provider::TokenKey& ca_key, const Certificate& ca,
                          const CertificateProfile& profile, const IssueRequest& request,
                          const IssueOptions& options, Deadline deadline);

// A root: subject and issuer are the same, the key signs its own certificate.
Result<Certificate> self_sign(const provider::TokenKey& key, const CertificateProfile& profile,
                              const Name& subject, const IssueOptions& options, Deadline deadline);

// The findings of RFC 5280's rules that our certificates must keep; empty when there are none. Each begins
// with the section: "4.2.1.9: a certificate that signs certificates needs basicConstraints with cA".
std::vector<std::string> lint(const Certificate& certificate);

}  // namespace signet::pki
