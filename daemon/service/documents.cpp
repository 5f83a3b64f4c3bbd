// Signed documents: JWS and CMS, around the one signature that the token makes.
#include "base/digest.h"
#include "base/encoding.h"
#include "daemon/service/signing.h"
#include "hsm/pki/certificate.h"
#include "hsm/pki/cms.h"
#include "hsm/pki/jws.h"
#include "hsm/pki/signature.h"

namespace signet::service {

Result<Document> Signing::jws(const Caller& caller, const KeyPtr& key, SignAlgorithm algorithm,
                              ByteView payload, const JwsOptions& options) {
    pki::JwsHeader header;
    header.algorithm = algorithm;
    header.key_id = to_string(key->id);
    header.type = options.type;
    header.content_type = options.content_type;
    header.certificates = options.certificates;
    SIGNET_ASSIGN(auto signing_input, pki::jws_signing_input(header, payload));
    SIGNET_ASSIGN(auto input, input_of_data(algorithm, to_bytes(signing_input)));
    SIGNET_ASSIGN(const auto signature, sign_as("keys.jws", caller, key, algorithm, std::move(input)));
    SIGNET_ASSIGN(auto compact,
                  pki::jws_attach_signature(std::move(signing_input), algorithm, signature.value));
    return Document{std::move(compact), signature.audit};
}

Result<Document> Signing::cms(const Caller& caller, const KeyPtr& key, SignAlgorithm algorithm,
                              ByteView content, const CmsRequest& request) {
    SIGNET_ASSIGN(const auto signer, pki::Certificate::parse(as_text(request.certificate)));
    if (signer.public_key().spki() != key->public_key)
        return fail(ErrorCode::failed_precondition,
                    "the certificate in the token is not of the key " + to_string(key->id));
    pki::CmsOptions options;
    options.algorithm = algorithm;
    options.signing_time = request.signing_time;
    for (const auto& der : request.chain) {
        SIGNET_ASSIGN(auto certificate, pki::Certificate::parse(as_text(der)));
        options.chain.push_back(std::move(certificate));
    }
    SIGNET_ASSIGN(const auto prepared,
                  pki::prepare_cms(signer, digest(pki::cms_content_hash(algorithm), content), options));
    SIGNET_ASSIGN(auto bytes, pki::sign_input(algorithm, prepared.signed_attributes));
    // The record names the content, which is what an auditor can compute; the attributes follow from it.
    SignInput input{std::move(bytes), to_hex(prepared.digest)};
    SIGNET_ASSIGN(const auto signature, sign_as("keys.cms", caller, key, algorithm, std::move(input)));
    SIGNET_ASSIGN(const auto der, pki::attach_cms_signature(prepared, signature.value));
    return Document{std::string(as_text(der)), signature.audit};
}

}  // namespace signet::service
