#include "hsm/pkcs11/quirks.h"

#include <array>
#include <string>

namespace signet::pkcs11 {
namespace {

constexpr CK_MECHANISM_TYPE kAesKeyWrapKwp = 0x210B;  // CKM_AES_KEY_WRAP_KWP (PKCS#11 v3.0)
constexpr CK_ATTRIBUTE_TYPE kNssDb = 0xD5A0DB00;      // CKA_NSS_DB

constexpr std::array kQuirks{
    // SoftHSM 2.6.1.
    Quirks{.name = "softhsm",
           .session_copies = true,
           .oaep_sha256 = false,
           .oaep_label = false,
           .pin_locks = false,
           .unwrap_leak = 240},
    // NSS softokn 3.87. It looks keys up by CKA_NSS_DB (the public value), and has no data objects in its database.
    Quirks{.name = "nss",
           .allowed_mechanisms = false,
           .unwrap_template = false,
           .backup_wrap = kAesKeyWrapKwp,
           .unwrapped_ec_extra = kNssDb,
           .pin_locks = false,
           .data_objects = false},
    Quirks{.name = "generic"},
};

}  // namespace

Result<Quirks> quirks_named(std::string_view name) {
    for (const auto& quirks : kQuirks) {
        if (quirks.name == name) return quirks;
    }
    return fail(ErrorCode::invalid_argument,
                "there are no quirks called '" + std::string(name) + "'; known are softhsm, nss and generic");
}

Quirks quirks_of_manufacturer(std::string_view manufacturer) {
    if (manufacturer.starts_with("SoftHSM")) return kQuirks[0];
    if (manufacturer.starts_with("Mozilla")) return kQuirks[1];
    return kQuirks[2];
}

}  // namespace signet::pkcs11
