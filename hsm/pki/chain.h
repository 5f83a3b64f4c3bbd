// Path validation (RFC 5280 section 6) against given trust anchors.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/crl.h"

namespace signet::pki {

enum class ChainPurpose { any, tls_server, tls_client, document_signing, ocsp_signing };

struct ChainOptions {
    SystemTime now;
    ChainPurpose purpose = ChainPurpose::any;
    std::size_t max_depth = 8;
    // When not empty, each certificate but the anchor must be covered by one of these (RFC 5280 section 6.3).
    std::vector<Crl> crls{};
    // Whether certificates must keep the rules of RFC 5280 that OpenSSL checks only on demand (key identifiers, for one).
    bool strict = true;
};

// The path from `leaf` to an anchor, both included. unprocessable with the reason ("certificate has expired")
// otherwise. Anchors need not be self-signed.
Result<std::vector<Certificate>> verify_chain(const Certificate& leaf,
                                              const std::vector<Certificate>& intermediates,
                                              const std::vector<Certificate>& anchors,
                                              const ChainOptions& options);

}  // namespace signet::pki
