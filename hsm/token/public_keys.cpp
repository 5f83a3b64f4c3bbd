#include "hsm/token/public_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>

#include "hsm/pkcs11/der.h"
#include "hsm/token/key_metadata.h"

namespace signet::token {
namespace {

Bytes number_of(const EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return {};
    Bytes out(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, out.data());
    BN_free(number);
    return out;
}

// Bytes of the point in a SubjectPublicKeyInfo, where it stands last.
std::size_t point_size(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ec_p256:
            return 65;
        case KeyAlgorithm::ec_p384:
            return 97;
        default:
            return 32;
    }
}

}  // namespace

Bytes spki_from(const pkcs11::Attributes& attributes, KeyAlgorithm algorithm) {
    if (is_rsa(algorithm)) {
        if (attributes.bytes(CKA_MODULUS).empty() || attributes.bytes(CKA_PUBLIC_EXPONENT).empty()) return {};
        return pkcs11::rsa_public_key_der(attributes.bytes(CKA_MODULUS),
                                          attributes.bytes(CKA_PUBLIC_EXPONENT));
    }
    return pkcs11::ec_public_key_der(algorithm, attributes.bytes(CKA_EC_POINT)).value_or(Bytes{});
}

std::optional<pkcs11::Attributes> public_attributes(ByteView spki, KeyAlgorithm algorithm) {
    pkcs11::Attributes out;
    if (is_rsa(algorithm)) {
        // The module may use OpenSSL too: nothing of ours stays on its queue of errors.
        ERR_set_mark();
        const auto* der = spki.data();
        EVP_PKEY* const key = d2i_PUBKEY(nullptr, &der, static_cast<long>(spki.size()));
        if (key != nullptr) {
            out.put(CKA_MODULUS, number_of(key, OSSL_PKEY_PARAM_RSA_N));
            out.put(CKA_PUBLIC_EXPONENT, number_of(key, OSSL_PKEY_PARAM_RSA_E));
        }
        EVP_PKEY_free(key);
        ERR_pop_to_mark();
    } else {
        const auto size = point_size(algorithm);
        if (spki.size() <= size) return std::nullopt;
        Bytes point{0x04, static_cast<std::uint8_t>(size)};
        point.insert(point.end(), spki.end() - static_cast<std::ptrdiff_t>(size), spki.end());
        out.put(CKA_EC_POINT, std::move(point));
    }
    const auto back = spki_from(out, algorithm);
    if (!std::ranges::equal(back, spki)) return std::nullopt;
    return out;
}

Bytes ec_point_value(const pkcs11::Attributes& attributes) {
    const auto point = attributes.bytes(CKA_EC_POINT);
    return point.size() > 2 ? to_bytes(point.subspan(2)) : Bytes{};
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
