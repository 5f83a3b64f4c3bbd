#include "daemon/api/paycontrol/signatures.h"

#include "hsm/pki/public_key.h"
#include "hsm/pki/signature.h"

namespace signet::api::paycontrol {

Outcome<bool> verify_signature(std::uint32_t type, ByteView spki, ByteView message, ByteView signature) {
    if (type != kEcdsa) return fail(Code::feature_is_not_licensed);
    SIGNET_ASSIGN(const auto key, pki::PublicKey::from_spki(spki));
    if (!key.fits(SignAlgorithm::es256)) return false;
    SIGNET_ASSIGN(const bool valid, pki::verify(key, SignAlgorithm::es256, message, signature));
    return valid;
}

}  // namespace signet::api::paycontrol
