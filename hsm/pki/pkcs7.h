// Certificates in a PKCS#7 SignedData without signers (RFC 2315 section 9, "certs-only"): how some systems pass them on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "hsm/pki/certificate.h"

namespace signet::pki {

// PEM ("PKCS7"), DER, or base64 of DER; 1 to 8 certificates, in the order sent. Errors: invalid_argument, too_large,
// unprocessable (a certificate that Certificate::parse refuses).
Result<std::vector<Certificate>> certificates_of_pkcs7(std::string_view input);
// One "PKCS7" block.
Result<std::string> pkcs7_pem(const std::vector<Certificate>& certificates);

}  // namespace signet::pki
