// Where real modules differ from the standard or from each other, by name. Everything else asks here; no
// other code knows a manufacturer.
#pragma once

#include <p11-kit/pkcs11.h>

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace signet::pkcs11 {

struct Quirks {
    std::string_view name;
    // A software token copies a key into a session object without it ever leaving the process, and saves
    // reading and decrypting its file at every use. Hardware mostly refuses, or gains nothing.
    bool session_copies = false;
    // CKM_RSA_PKCS_OAEP with SHA-256 and with a label; otherwise CKM_RSA_X_509 and an unpad in software.
    bool oaep_sha256 = true;
    bool oaep_label = true;
    // Attributes the token keeps and enforces; where it does not, the worker's own rules stand alone.
    bool allowed_mechanisms = true;
    bool unwrap_template = true;
    // RFC 5649, or RFC 3394 over PKCS#7 padding: tokens call either CKM_AES_KEY_WRAP_PAD, and only what a
    // token wrapped itself is ever unwrapped.
    CK_MECHANISM_TYPE key_wrap = CKM_AES_KEY_WRAP_PAD;
    // RFC 5649 in any case: what one token wraps for a backup, another must unwrap.
    CK_MECHANISM_TYPE backup_wrap = CKM_AES_KEY_WRAP_PAD;
    // An attribute that unwrapping an EC key must name although its value plays no part for a session object; 0: none.
    CK_ATTRIBUTE_TYPE unwrapped_ec_extra = 0;
    // Whether wrong PINs lock the token for good. Where they do not, another try costs nothing.
    bool pin_locks = true;
    // Data objects on the token, which hold the audit anchor.
    bool data_objects = true;
    // Bytes lost for each unwrapped and destroyed key until C_Finalize (and a name of 13 bytes for each Ed25519 signature):
    // what the worker's memory limit is for.
    std::uint32_t unwrap_leak = 0;
};

// softhsm, nss or generic. invalid_argument for another name.
Result<Quirks> quirks_named(std::string_view name);
// By CK_INFO's manufacturer; generic for an unknown one.
Quirks quirks_of_manufacturer(std::string_view manufacturer);

}  // namespace signet::pkcs11
