#include "hsm/token/public_keys.h"

#include <utility>

#include "hsm/pkcs11/der.h"
#include "hsm/token/key_metadata.h"

namespace signet::token {

pkcs11::CkResult<std::multimap<Bytes, PublicObject>> find_public_objects(pkcs11::Session& session,
                                                                         ByteView cka_id) {
    pkcs11::Template pattern;
    pattern.number(CKA_CLASS, CKO_PUBLIC_KEY).flag(CKA_TOKEN, true);
    if (!cka_id.empty()) pattern.bytes(CKA_ID, cka_id);
    SIGNET_ASSIGN(const auto handles, session.find(pattern));
    std::multimap<Bytes, PublicObject> objects;
    for (const auto handle : handles) {
        auto read = session.read(handle, {CKA_ID, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_POINT});
        // Somebody else may destroy objects while we read; one that goes is not there.
        if (!read && pkcs11::is_stale_handle(read.error().rv)) continue;
        if (!read) return std::unexpected(read.error());
        const auto metadata = decode_key_metadata(read->bytes(CKA_ID));
        if (!metadata) continue;
        PublicObject object{handle, {}};
        if (is_rsa(metadata->algorithm) && !read->bytes(CKA_MODULUS).empty()) {
            object.spki =
                pkcs11::rsa_public_key_der(read->bytes(CKA_MODULUS), read->bytes(CKA_PUBLIC_EXPONENT));
        } else if (auto spki = pkcs11::ec_public_key_der(metadata->algorithm, read->bytes(CKA_EC_POINT))) {
            object.spki = *std::move(spki);
        }
        objects.emplace(to_bytes(read->bytes(CKA_ID)), std::move(object));
    }
    return objects;
}

}  // namespace signet::token
