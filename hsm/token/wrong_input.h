// Wrong input of decryption: one answer, whatever the token says.
#pragma once

#include <p11-kit/pkcs11.h>

#include <optional>

#include "base/secret.h"
#include "hsm/pkcs11/session.h"

namespace signet::token {

// What decrypting answers when the input is wrong. Tokens have several codes for it, CKR_GENERAL_ERROR among them, and
// telling them apart would help an attacker (Manger's and padding oracles): all become nullopt, and one error later.
inline pkcs11::CkResult<std::optional<Secret>> nullopt_when_wrong(pkcs11::CkResult<Secret> decrypted) {
    if (decrypted) return *std::move(decrypted);
    switch (decrypted.error().rv) {
        case CKR_ENCRYPTED_DATA_INVALID:
        case CKR_ENCRYPTED_DATA_LEN_RANGE:
        case CKR_ARGUMENTS_BAD:  // softokn's word for a wrong OAEP label or hash
        case CKR_DATA_INVALID:
        case CKR_DATA_LEN_RANGE:
        case CKR_SIGNATURE_INVALID:
        case CKR_GENERAL_ERROR:
        case CKR_FUNCTION_FAILED:
        case CKR_DEVICE_ERROR:
            return std::nullopt;
        default:
            return std::unexpected(decrypted.error());
    }
}

}  // namespace signet::token
