// Certificate authorities whose keys are in the token: issuing, revocation, CRLs and OCSP.
//
// A CA's key may have several versions; the active one issues, and the certificates of the others keep working: their
// CRLs are renewed and their status is answered as long as the configuration names their certificate.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "daemon/service/authority_material.h"
#include "daemon/service/caller.h"
#include "daemon/service/keys.h"
#include "hsm/pki/ocsp.h"
#include "hsm/provider/library_context.h"
#include "policy/csr_constraints.h"
#include "sqlite/certificate_store.h"
#include "sqlite/crl_store.h"
#include "sqlite/read_pool.h"
#include "sqlite/writer.h"

namespace signet::service {

struct IssueCertificate {
    std::string_view csr;                                 // PEM, DER or base64 of DER
    std::string_view profile;                             // a name from the configuration
    std::optional<std::chrono::seconds> validity{};       // shorter than the profile's
    const policy::CsrConstraints* constraints = nullptr;  // of the rule that admitted the caller
};

struct IssuedCertificate {
    std::string pem;
    std::vector<std::string> chain;  // PEM, the CA's certificate first
    std::string serial;              // lower-case hex
    SystemTime not_after{};
    std::uint64_t audit = 0;
};

struct OcspReply {
    Bytes der;
    std::optional<SystemTime> next_update{};  // absent for errors and answers to a nonce: not to be cached
};

// A certificate that is signed and not yet known to anybody: it counts once `enter` is durable.
struct PreparedCertificate {
    pki::Certificate certificate;
    KeyPtr key;  // the version of the CA's key that signed it
    std::string profile;
    SystemTime issued{};
};

// More work for the transaction that makes the certificate durable: an answer kept under an idempotency key.
using AlsoOnIssue = std::function<Status(sqlite::Transaction&, const IssuedCertificate&)>;

class Authorities {
  public:
    struct Parts {
        provider::LibraryContext& library;
        Keys& keys;
        sqlite::Writer& writer;
        sqlite::ReadPool& readers;
        const Clock& clock;
    };
    explicit Authorities(Parts parts) : parts_(parts) {}

    // At start and at each reload.
    void replace(std::shared_ptr<const AuthorityMap> authorities);
    std::shared_ptr<const AuthorityMap> authorities() const;

    // Errors: not_found (no such CA), invalid_argument and unprocessable (the CSR, the profile, the rule's constraints),
    // failed_precondition (no certificate for the active key version), the key's and the token's, storage_*.
    Result<IssuedCertificate> issue(const Caller& caller, std::string_view ca,
                                    const IssueCertificate& request, const AlsoOnIssue& also = {});
    // For families whose own state changes together with certificates: the token signs before the transaction, and row and
    // audit record are part of it. `request` was proved (pki::parse_csr), or its key was made in our token. Errors as
    // `issue`; already_exists from `enter` when the serial number is taken (once in 2^127 times).
    Result<PreparedCertificate> prepare(const Caller& caller, std::string_view ca, std::string_view profile,
                                        const pki::CertificateRequest& request,
                                        std::optional<std::chrono::seconds> validity = {});
    Result<std::uint64_t> enter(sqlite::Transaction& transaction, const Caller& caller,
                                const PreparedCertificate& prepared) const;
    // Revokes (or, with remove_from_crl, releases) in the caller's transaction; `revoked` once that is durable, so that CRL
    // and OCSP follow. Errors as `revoke`.
    Result<std::uint64_t> revoke(sqlite::Transaction& transaction, const Caller& caller,
                                 const sqlite::StoredCertificate& row, sqlite::RevocationReason reason) const;
    void revoked(const sqlite::StoredCertificate& row);

    // `serial` is hex. Error: not_found.
    Result<sqlite::StoredCertificate> find(std::string_view ca, std::string_view serial);
    std::vector<std::string> chain_of(const Authority& authority, const Bytes& issued) const;  // PEM
    // The chain for any certificate that one of the CAs signed; empty for others. DER.
    std::vector<Bytes> chain_for(ByteView certificate) const;
    // Errors: not_found, conflict (revoked already). The CRL follows at once or with the next background run.
    Result<std::uint64_t> revoke(const Caller& caller, std::string_view ca, std::string_view serial,
                                 sqlite::RevocationReason reason);

    // The current CRL of one key version (nullopt: the active one), made anew when it is not current any more.
    Result<sqlite::StoredCrl> crl(const Caller& caller, std::string_view ca,
                                  std::optional<std::uint32_t> version);
    // Makes one now.
    Result<sqlite::StoredCrl> publish(const Caller& caller, std::string_view ca,
                                      std::optional<std::uint32_t> version);
    // Makes those that are due and writes their files; false when one failed, which is logged and among the `alarms`.
    bool renew_crls(std::chrono::milliseconds time_limit);

    // Always a DER OCSPResponse (RFC 6960 section 4.2.1), of an error where it must be. An Error only when nothing at all
    // can be said: not_found (no such CA).
    // What a stranger can cost is bounded: their nonce is not answered (RFC 9654 section 2.1 permits it), so that one
    // signature for a certificate serves all of them for half the answer's validity; a serial number that was never
    // issued is `unauthorized`, unsigned (RFC 5019 section 2.2.3); and past the configured signatures a second it is
    // `tryLater`.
    Result<OcspReply> ocsp(const Caller& caller, std::string_view ca, ByteView request);
    // One audit record for the OCSP answers since the last one that cost no signature: from the cache, unknown, over the
    // rate. Each signed answer has a record of its own.
    void summarise_ocsp();

    // What an operator must look at: CRLs near their nextUpdate, certificates near their end, keys without a certificate.
    std::vector<std::string> alarms() const;
    // Seconds until the nearest nextUpdate of a CRL; nullopt without one.
    std::optional<std::chrono::seconds> next_crl_end() const;

  private:
    using VersionId = std::pair<std::string, std::uint32_t>;  // CA label, key version

    Result<std::shared_ptr<const Authority>> authority(std::string_view ca) const;
    // The key version that a certificate of the CA belongs to.
    Result<KeyPtr> key_of(std::string_view label, const pki::Certificate& certificate) const;
    Result<const AuthorityVersion*> version_of(const Authority& authority, const KeyVersion& key) const;
    Result<std::shared_ptr<const provider::TokenKey>> token_key(const KeyVersion& key);

    struct Signer {
        KeyPtr key;
        const AuthorityVersion* version;
        std::shared_ptr<const provider::TokenKey> token_key;
    };
    Result<Signer> signer(const Authority& authority, std::optional<std::uint32_t> version);
    Result<sqlite::StoredCrl> make_crl(const Caller& caller, const Authority& authority,
                                       const Signer& signer);
    Status remember_crl(const Authority& authority, const sqlite::StoredCrl& crl);
    Result<std::optional<sqlite::StoredCrl>> known_crl(const std::string& ca, std::uint32_t version);
    bool is_due(const Authority& authority, const std::optional<sqlite::StoredCrl>& crl,
                bool on_demand) const;

    Result<std::vector<pki::OcspStatus>> statuses(const Authority& authority, const KeyVersion& issuer,
                                                  const AuthorityVersion& version,
                                                  const pki::OcspRequest& request);
    Result<OcspReply> answer_ocsp(const Caller& caller, const Authority& authority,
                                  const pki::OcspRequest& request);
    bool may_sign_for_strangers(const Authority& authority);

    Parts parts_;
    mutable std::mutex mutex_;  // guards what follows
    std::shared_ptr<const AuthorityMap> authorities_ = std::make_shared<const AuthorityMap>();
    std::map<KeyId, std::shared_ptr<const provider::TokenKey>> token_keys_;
    std::map<VersionId, sqlite::StoredCrl> crls_;
    std::map<VersionId, bool> outdated_;  // a revocation is newer than the CRL
    std::map<VersionId, std::string> crl_failures_;
    std::uint64_t revocations_ = 0;  // cached OCSP answers are older than the last one
    struct CachedAnswer {
        OcspReply reply;
        SystemTime until;
        std::uint64_t revocations;
    };
    std::map<Sha256, CachedAnswer> ocsp_cache_;
    struct OcspCounts {
        std::uint64_t cached = 0;
        std::uint64_t unknown = 0;
        std::uint64_t limited = 0;
    } ocsp_counts_;
    std::map<std::string, SystemTime, std::less<>>
        public_ocsp_full_at_;  // by CA: when its rate is whole again
    std::mutex crl_making_;    // one CRL at a time
};

}  // namespace signet::service
