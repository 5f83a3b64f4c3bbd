// Certificate requests (PKCS#10, RFC 2986), read strictly, with proof of possession.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "hsm/pki/certificate_profile.h"
#include "hsm/pki/name.h"
#include "hsm/pki/public_key.h"
#include "hsm/provider/token_key.h"

namespace signet::pki {

inline constexpr std::size_t kMaxCsrSize = 16 * 1024;  // bytes, in any encoding

// What the requester asks for; a profile decides what becomes of it.
struct RequestedExtensions {
    std::vector<GeneralName> alternative_names;
    std::optional<CertificateUsages> key_usage;
    std::vector<std::string> extended_key_usage;  // as CertificateProfile::extended_key_usage
    bool certificate_authority = false;
    std::vector<std::string> others;  // dotted OIDs of all further extensions
};

struct CertificateRequest {
    Bytes der;
    PublicKey public_key;
    Name subject;
    std::string subject_text;  // RFC 4514
    Bytes subject_der;
    RequestedExtensions extensions;
};

// PEM ("CERTIFICATE REQUEST" or "NEW CERTIFICATE REQUEST"), DER, or base64 of DER; exactly one object. The
// signature over the request must verify under its own key. The attributes element may be absent: some
// clients leave it out although RFC 2986 section 4.1 demands it. Errors: too_large, invalid_argument
// (malformed), unprocessable (a key we do not accept, a wrong signature, an extension twice).
Result<CertificateRequest> parse_csr(std::string_view input);

// A request for a key of ours, DER. The key needs no particular purpose but `sign`, `certify` or `tls`.
Result<Bytes> make_csr(const provider::TokenKey& key, const Name& subject,
                       const std::vector<GeneralName>& names, Deadline deadline);

}  // namespace signet::pki
