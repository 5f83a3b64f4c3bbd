// OCSP (RFC 6960): requests read strictly, answers signed by the CA's key or a delegated responder's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/crl.h"
#include "hsm/provider/token_key.h"

namespace signet::pki {

inline constexpr std::size_t kMaxOcspRequestSize = 16 * 1024;  // bytes of DER
inline constexpr std::size_t kMaxOcspCertificates = 64;        // single requests in one request
inline constexpr std::size_t kMaxOcspNonce = 128;              // bytes; RFC 9654 section 2.1: 1 to 128

struct OcspCertificateId {
    HashAlgorithm hash = HashAlgorithm::sha1;  // sha1, sha256, sha384 or sha512
    Bytes issuer_name_hash;
    Bytes issuer_key_hash;
    std::string serial;  // hex, as Certificate::serial
    Bytes der;           // the CertID as it came; echoed in the answer

    // Whether the certificate it names would be issued by `issuer`.
    bool issued_by(const Certificate& issuer) const;
};

struct OcspRequest {
    std::vector<OcspCertificateId> certificates;
    std::optional<Bytes> nonce;  // the value inside the extension's OCTET STRING
};

// Accepts unsigned and signed requests (a signature is ignored, as RFC 6960 section 4.1.2 permits). Unknown
// critical extensions are refused. invalid_argument or too_large: answer ocsp_error(malformed_request).
Result<OcspRequest> parse_ocsp_request(ByteView der);

enum class OcspCertificateStatus { good, revoked, unknown };
struct OcspStatus {
    OcspCertificateStatus status = OcspCertificateStatus::unknown;
    SystemTime revoked_at{};  // with revoked only
    RevocationReason reason = RevocationReason::unspecified;
};

struct OcspAnswer {
    std::vector<OcspStatus> statuses;  // one for each certificate of the request, in its order
    SystemTime produced_at;
    SystemTime this_update;
    SystemTime next_update;
    std::optional<SignAlgorithm> algorithm{};
};

// Who signs: `certificate` is `issuer` itself, or a certificate issued directly by it with id-kp-OCSPSigning,
// valid at produced_at. The key must have been loaded for `certify` and belong to `certificate`. Every
// certificate id must be of `issuer`, or its status unknown.
struct OcspResponder {
    const provider::TokenKey& key;
    const Certificate& certificate;
    const Certificate& issuer;
};
// A DER OCSPResponse "successful" with the request's nonce, responder by key hash, the delegated certificate
// included.
Result<Bytes> sign_ocsp_answer(const OcspResponder& responder, const OcspRequest& request,
                               const OcspAnswer& answer, Deadline deadline);

// OCSPResponseStatus without a body (RFC 6960 section 4.2.1).
enum class OcspError : std::uint8_t {
    malformed_request = 1,
    internal_error = 2,
    try_later = 3,
    unauthorized = 6
};
Bytes ocsp_error(OcspError error);

// A request for one certificate, SHA-1 ids as most clients send them; for tests and for our own client side.
Result<Bytes> make_ocsp_request(const Certificate& certificate, const Certificate& issuer,
                                const std::optional<Bytes>& nonce);

}  // namespace signet::pki
