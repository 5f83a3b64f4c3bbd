#include "tests/fuzz/pki.h"

#include <array>
#include <cstdlib>

#include "base/encoding.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/csr.h"
#include "hsm/pki/jws.h"
#include "hsm/pki/ocsp.h"

namespace signet::testing {
namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

}  // namespace

void fuzz_csr(ByteView input) {
    const auto csr = pki::parse_csr(as_text(input));
    if (!csr) return;
    require(csr->der.size() <= pki::kMaxCsrSize);
    // What was accepted in any form is accepted as DER, and says the same.
    const auto again = pki::parse_csr(as_text(csr->der));
    require(again && again->subject == csr->subject && again->public_key == csr->public_key);
    const auto name = pki::from_rfc4514(csr->subject_text);
    require(name && *name == csr->subject);
    for (const auto& alternative : csr->extensions.alternative_names)
        require(pki::check_general_name(alternative).has_value());
    (void)pki::apply_profile(pki::tls_server_profile(), *csr);
}

void fuzz_jws(ByteView input) {
    static constexpr std::array kAllowed{SignAlgorithm::es256, SignAlgorithm::rs256, SignAlgorithm::eddsa};
    const auto jws = pki::parse_jws(as_text(input), kAllowed);
    if (!jws) return;
    // One text, one meaning.
    require(jws->signing_input + "." + to_base64url(jws->signature) == as_text(input));
    require(jws->payload.size() <= pki::kMaxJwsPayload + pki::kMaxJwsHeader + 1024);
}

void fuzz_ocsp_request(ByteView input) {
    const auto request = pki::parse_ocsp_request(input);
    if (!request) return;
    require(!request->certificates.empty() && request->certificates.size() <= pki::kMaxOcspCertificates);
    require(!request->nonce || (!request->nonce->empty() && request->nonce->size() <= pki::kMaxOcspNonce));
    for (const auto& id : request->certificates)
        require(id.issuer_name_hash.size() == hash_size(id.hash));
}

}  // namespace signet::testing
