// Certificate revocation lists, version 2 (RFC 5280 section 5).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pki/certificate.h"
#include "hsm/provider/openssl_ptr.h"
#include "hsm/provider/token_key.h"

namespace signet::pki {

// CRLReason (RFC 5280 section 5.3.1); 7 is not used.
enum class RevocationReason : std::uint8_t {
    unspecified = 0,
    key_compromise = 1,
    ca_compromise = 2,
    affiliation_changed = 3,
    superseded = 4,
    cessation_of_operation = 5,
    certificate_hold = 6,
    remove_from_crl = 8,
    privilege_withdrawn = 9,
    aa_compromise = 10,
};
std::string_view to_string(RevocationReason reason);  // "keyCompromise", …, as in the RFC
std::optional<RevocationReason> revocation_reason_from(std::string_view name);

struct RevokedCertificate {
    std::string serial;  // hex, as Certificate::serial
    SystemTime revoked_at;
    RevocationReason reason =
        RevocationReason::unspecified;  // left out of the entry when unspecified (section 5.3.1)
};

struct CrlRequest {
    std::uint64_t number = 1;  // strictly growing, kept by the caller
    SystemTime this_update;
    SystemTime next_update;
    std::vector<RevokedCertificate> entries{};  // in any order; a serial twice is refused. 1,000,000 at most
    std::optional<SignAlgorithm> algorithm{};
};

class Crl {
  public:
    static constexpr std::size_t kMaxSize = std::size_t{64} << 20;  // bytes of DER
    // PEM ("X509 CRL") or DER, exactly one.
    static Result<Crl> parse(std::string_view input);

    const Bytes& der() const { return der_; }
    std::string pem() const;
    std::optional<std::uint64_t> number() const { return number_; }
    SystemTime this_update() const { return this_update_; }
    SystemTime next_update() const { return next_update_; }
    std::size_t size() const { return size_; }  // entries
    const Bytes& issuer_der() const { return issuer_der_; }
    std::optional<RevokedCertificate> find(std::string_view serial) const;
    bool signed_by(const Certificate& issuer) const;
    X509_crl_st* get() const { return crl_.get(); }

  private:
    Crl() = default;
    Bytes der_;
    std::shared_ptr<X509_crl_st> crl_;
    std::optional<std::uint64_t> number_;
    SystemTime this_update_, next_update_;
    std::size_t size_ = 0;
    Bytes issuer_der_;
};

// Signs a CRL: authorityKeyIdentifier, cRLNumber, entries sorted by serial. The key must have been loaded for
// `certify` and belong to `ca`, which must have cRLSign.
Result<Crl> issue_crl(const provider::TokenKey& ca_key, const Certificate& ca, const CrlRequest& request,
                      Deadline deadline);

}  // namespace signet::pki
