// Detached CMS signatures (RFC 5652 SignedData) with signed attributes and one signer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "hsm/frames/token_interface.h"
#include "hsm/pki/certificate.h"
#include "hsm/provider/token_key.h"

namespace signet::pki {

inline constexpr std::size_t kMaxCmsSize = 1 << 20;  // bytes of DER, content not included

struct CmsOptions {
    std::optional<SignAlgorithm> algorithm{};  // default: the certificate key's default algorithm
    std::optional<SystemTime>
        signing_time{};                // absent: no signingTime attribute (PAdES forbids it in some profiles)
    bool signing_certificate = true;   // ESS signingCertificateV2 (RFC 5035), as CAdES and PAdES want it
    std::vector<Certificate> chain{};  // more certificates to include, without the signer's
};

// Everything but the signature. The bytes to sign are `signed_attributes`: DER SET OF Attribute (RFC 5652
// section 5.4).
struct PreparedCms {
    SignAlgorithm algorithm = SignAlgorithm::es256;
    Bytes signed_attributes;
    Bytes digest;  // of the content, with the algorithm's hash (SHA-512 for Ed25519, RFC 8419 section 3.1)
    Certificate signer;
    std::vector<Certificate> chain;
};
// The hash a content must be digested with.
HashAlgorithm cms_content_hash(SignAlgorithm algorithm);
Result<PreparedCms> prepare_cms(const Certificate& signer, ByteView content_digest,
                                const CmsOptions& options);
// `signature` over `signed_attributes`, DER for ECDSA; checked under the signer's key (unprocessable when
// wrong). DER ContentInfo.
Result<Bytes> attach_cms_signature(const PreparedCms& prepared, ByteView signature);

// Both in one, through the token. The key must have been loaded for `sign` and belong to `signer`.
Result<Bytes> sign_cms(const provider::TokenKey& key, const Certificate& signer, ByteView content,
                       const CmsOptions& options, Deadline deadline);

std::string cms_to_pem(ByteView der);  // "CMS"

struct CmsSignature {
    Certificate signer;
    std::vector<Certificate> certificates;  // all that the message carries, the signer's included
    std::optional<SystemTime> signing_time;
    HashAlgorithm digest = HashAlgorithm::sha256;
    Bytes signed_attributes;  // as signed: DER SET OF
    Bytes signature;
};
// Detached, exactly one signer, PEM ("CMS" or "PKCS7") or DER. Checks the digest of `content` and the
// signature; the signer's certificate must be in the message or among `certificates`. Whom to trust is
// verify_chain's matter. unprocessable when it does not verify.
Result<CmsSignature> verify_cms(std::string_view cms, ByteView content,
                                const std::vector<Certificate>& certificates = {});

}  // namespace signet::pki
