// X.509 extensions between our types and OpenSSL's; internal to hsm/pki. Includes OpenSSL's headers.
#pragma once

#include <openssl/x509v3.h>

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "hsm/pki/certificate_profile.h"
#include "hsm/pki/name.h"

namespace signet::pki {

struct ReadExtensions {
    std::vector<GeneralName> alternative_names;
    bool other_alternative_names = false;
    std::optional<CertificateUsages> key_usage;
    std::vector<std::string> extended_key_usage;  // dotted OIDs
    bool certificate_authority = false;
    std::optional<int> path_length;
    Bytes subject_key_identifier;
    Bytes authority_key_identifier;
    bool ocsp_no_check = false;
    std::vector<std::string> others;  // dotted OIDs of those not read above
    std::vector<std::string>
        unknown_critical;               // of these, the critical ones that OpenSSL does not know either
    std::vector<std::string> critical;  // dotted OIDs
};
// unprocessable for an extension that comes twice or does not parse; at most 64.
Result<ReadExtensions> read_extensions(const STACK_OF(X509_EXTENSION) * extensions);

// Adds every extension the profile decides. `subject_key` is the SKI, `issuer_key` the AKI.
Status add_extensions(X509* certificate, const CertificateProfile& profile,
                      const std::vector<GeneralName>& alternative_names, bool subject_empty,
                      ByteView subject_key, ByteView issuer_key);
Status add_authority_key_identifier(X509_CRL* crl, ByteView issuer_key);

SystemTime from_asn1_time(const ASN1_TIME* time);
// UTCTime until 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5); whole seconds.
bool set_asn1_time(ASN1_TIME* out, SystemTime time);

// Lower-case hex of a positive INTEGER's magnitude without leading zero bytes; nullopt when negative or over 20 bytes.
std::optional<std::string> serial_text(const ASN1_INTEGER* serial);

}  // namespace signet::pki
