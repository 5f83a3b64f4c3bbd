// What PKCS#11 functions return (v2.40 section 5.1), and what it means to the appliance.
#pragma once

#include <p11-kit/pkcs11.h>

#include <expected>
#include <string>
#include <string_view>

#include "base/error.h"

namespace signet::pkcs11 {

// A call that did not return CKR_OK.
struct Failure {
    CK_RV rv = CKR_GENERAL_ERROR;
    std::string_view call;  // "C_Sign"; a literal
};

// Inside the PKCS#11 code the return value itself decides what happens next (a stale handle is found again, a
// dead session opened again), so it travels as it is and becomes an Error only at the boundary.
template <class T>
using CkResult = std::expected<T, Failure>;
using CkStatus = CkResult<void>;

// "CKR_PIN_INCORRECT", or "CKR 0x80000001" for what the standard does not name.
std::string ckr_name(CK_RV rv);

ErrorCode code_of(CK_RV rv);

// `what` says what was tried on which object: "signing with device.ca/1". The CKR name goes to the detail.
Error to_error(const Failure& failure, std::string_view what);

// The object behind a cached handle is gone: it was destroyed by somebody else, or the token went with all
// its objects.
bool is_stale_handle(CK_RV rv);
// The session is gone or unusable; a new one may work.
bool is_stale_session(CK_RV rv);
// The library has lost the token or its login; only C_Finalize and C_Initialize can help.
bool is_token_lost(CK_RV rv);
// After this a session may have an operation left open or be in an unknown state: it is not used again.
bool leaves_session_suspect(CK_RV rv);

}  // namespace signet::pkcs11
