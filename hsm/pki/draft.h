// Certificates that are looked at before anybody signs them.
#pragma once

#include "hsm/pki/certificate.h"

namespace signet::pki {

// What `issue` (or, without `issuer`, `self_sign`) would make, checked and linted the same way, but signed by a key that vouches
// for nothing: for looking at a certificate before its CA's key is asked, or is there at all.
Result<Certificate> draft(const Certificate* issuer, const CertificateProfile& profile,
                          const IssueRequest& request, const IssueOptions& options);

}  // namespace signet::pki
