// From a planned certificate to what the CA signs; the same for `check`, which only drafts, and for `run`.
#pragma once

#include <string>

#include "base/error.h"
#include "daemon/ctl/ceremony/plan.h"
#include "hsm/pki/certificate.h"

namespace signet::ctl::ceremony {

pki::CertificateProfile profile_of(const PlannedCertificate& planned);

// An input file of the plan, which must be what was reviewed. Errors: those of read_file, failed_precondition (another file).
Result<std::string> read_reviewed(const Plan& plan, const std::filesystem::path& file, const Sha256& sha256);

// The CA certificate of an existing key.
Result<pki::Certificate> existing_certificate(const Plan& plan, const ExistingKey& key);

// The request for any kind but self-signed. `own_key` is the subject's key for the kind `key`, else null.
// unprocessable when a request or certificate is not what the plan says.
Result<pki::IssueRequest> request_of(const Plan& plan, const PlannedCertificate& planned,
                                     const pki::PublicKey* own_key);

// A key of that algorithm that exists nowhere else: for drafts.
Result<pki::PublicKey> throwaway_key(KeyAlgorithm algorithm);

}  // namespace signet::ctl::ceremony
