// Whose signature a device's JWS may carry: certificates that chain to a vendor's registered roots, registered certificates
// themselves (the document allows self-signed ones), and for nested JWTs the device's own certificate from our CA.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/jws.h"
#include "sqlite/mosip_vendor_store.h"

namespace signet::api::mosip {

struct Trust {
    std::vector<pki::Certificate> anchors;
    std::optional<pki::Certificate> device;  // current, not expired
};
// Rows that do not parse any more are left out.
std::vector<pki::Certificate> certificates_of(const std::vector<sqlite::MosipAnchor>& anchors);

// RS256 and nothing else; the key is that of x5c[0], which must be trusted and valid at `now`. x5c may be wrapped.
// Errors: invalid_argument (malformed), unprocessable (the chain, the signature).
Result<pki::Jws> read_jws(std::string_view compact);
Status check_jws(const pki::Jws& jws, const Trust& trust, SystemTime now);
// Both.
Result<pki::Jws> verify_jws(std::string_view compact, const Trust& trust, SystemTime now);

// The document's two-part slip, payload.signature: accepted where the signature covers the payload and a trusted key made it.
struct TwoPart {
    std::string_view encoded;  // the payload, base64url
    Bytes payload;
    Bytes signature;
};
Result<TwoPart> read_two_part(std::string_view text);
Status check_two_part(const TwoPart& parts, const Trust& trust, SystemTime now);

}  // namespace signet::api::mosip
