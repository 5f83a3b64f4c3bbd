#include "hsm/token/public_keys.h"

#include "hsm/pkcs11/der.h"
#include "hsm/token/key_metadata.h"

namespace signet::token {

Bytes spki_from(const pkcs11::Attributes& attributes, KeyAlgorithm algorithm) {
    if (is_rsa(algorithm)) {
        if (attributes.bytes(CKA_MODULUS).empty() || attributes.bytes(CKA_PUBLIC_EXPONENT).empty()) return {};
        return pkcs11::rsa_public_key_der(attributes.bytes(CKA_MODULUS),
                                          attributes.bytes(CKA_PUBLIC_EXPONENT));
    }
    return pkcs11::ec_public_key_der(algorithm, attributes.bytes(CKA_EC_POINT)).value_or(Bytes{});
}

pkcs11::CkResult<std::map<Bytes, Bytes>> read_public_keys(pkcs11::Session& session) {
    pkcs11::Template pattern;
    pattern.number(CKA_CLASS, CKO_PUBLIC_KEY).flag(CKA_TOKEN, true);
    SIGNET_ASSIGN(const auto handles, session.find(pattern));
    std::map<Bytes, Bytes> keys;
    for (const auto handle : handles) {
        auto read = session.read(handle, {CKA_ID, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_POINT});
        // Somebody else may destroy objects while we read; one that goes is not there.
        if (!read && pkcs11::is_stale_handle(read.error().rv)) continue;
        if (!read) return std::unexpected(read.error());
        const auto metadata = decode_key_metadata(read->bytes(CKA_ID));
        if (metadata) keys.emplace(to_bytes(read->bytes(CKA_ID)), spki_from(*read, metadata->algorithm));
    }
    return keys;
}

}  // namespace signet::token
