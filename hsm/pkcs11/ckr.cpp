#include "hsm/pkcs11/ckr.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace signet::pkcs11 {
namespace {

struct Row {
    CK_RV rv;
    std::string_view name;
    ErrorCode code;
    std::string_view message;  // follows "<what> failed: "
};

constexpr std::string_view kGone =
    "the token is gone; the token process starts again by itself, try again shortly";
constexpr std::string_view kSession = "the token closed the session; try again";
constexpr std::string_view kRefusedInput = "the token refused the input";
constexpr std::string_view kRefusedKey = "the token does not allow this use of the key";
constexpr std::string_view kMechanism = "the token does not offer this mechanism";
constexpr std::string_view kTrouble = "the token reported a failure of its own; see the log";
constexpr std::string_view kReadOnly = "the token is write-protected; make it writable to change keys";
constexpr std::string_view kFull =
    "the token has no room left; destroy keys that are not needed or enlarge it";
constexpr std::string_view kPin =
    "the token refused the PIN; it is not tried again, correct it and clear the marker";
constexpr std::string_view kPinLocked = "the token's PIN is locked; its security officer must set a new one";
constexpr std::string_view kLogin = "the token lost its login; the token process starts again by itself";
constexpr std::string_view kDefect = "an unexpected answer of the token; see the log";

#define SIGNET_CKR(name, code, message)       \
    Row {                                     \
        name, #name, ErrorCode::code, message \
    }
constexpr std::array kRows{
    SIGNET_CKR(CKR_CANCEL, token_unavailable, kTrouble),
    SIGNET_CKR(CKR_HOST_MEMORY, token_unavailable, "the token process is out of memory"),
    SIGNET_CKR(CKR_SLOT_ID_INVALID, token_unavailable, kGone),
    SIGNET_CKR(CKR_GENERAL_ERROR, token_unavailable, kTrouble),
    SIGNET_CKR(CKR_FUNCTION_FAILED, token_unavailable, kTrouble),
    SIGNET_CKR(CKR_ARGUMENTS_BAD, internal, kDefect),
    SIGNET_CKR(CKR_NO_EVENT, internal, kDefect),
    SIGNET_CKR(CKR_NEED_TO_CREATE_THREADS, token_unavailable,
               "the module wants threads of its own and may not have them"),
    SIGNET_CKR(CKR_CANT_LOCK, token_unavailable, "the module cannot be used from several threads"),
    SIGNET_CKR(CKR_ATTRIBUTE_READ_ONLY, token_refused, "the token does not let this attribute change"),
    SIGNET_CKR(CKR_ATTRIBUTE_SENSITIVE, token_refused, "the token does not reveal this attribute"),
    SIGNET_CKR(CKR_ATTRIBUTE_TYPE_INVALID, unsupported,
               "the token does not know an attribute that is needed"),
    SIGNET_CKR(CKR_ATTRIBUTE_VALUE_INVALID, token_refused, "the token refused the value of an attribute"),
    SIGNET_CKR(CKR_DATA_INVALID, token_refused, kRefusedInput),
    SIGNET_CKR(CKR_DATA_LEN_RANGE, token_refused, kRefusedInput),
    SIGNET_CKR(CKR_DEVICE_ERROR, token_unavailable, kTrouble),
    SIGNET_CKR(CKR_DEVICE_MEMORY, token_full, kFull),
    SIGNET_CKR(CKR_DEVICE_REMOVED, token_unavailable, kGone),
    SIGNET_CKR(CKR_ENCRYPTED_DATA_INVALID, token_refused, kRefusedInput),
    SIGNET_CKR(CKR_ENCRYPTED_DATA_LEN_RANGE, token_refused, kRefusedInput),
    SIGNET_CKR(CKR_FUNCTION_CANCELED, token_unavailable, kTrouble),
    SIGNET_CKR(CKR_FUNCTION_NOT_PARALLEL, internal, kDefect),
    SIGNET_CKR(CKR_FUNCTION_NOT_SUPPORTED, unsupported, "the token does not offer this function"),
    SIGNET_CKR(CKR_KEY_HANDLE_INVALID, not_found, "the token no longer has the key"),
    SIGNET_CKR(CKR_KEY_SIZE_RANGE, unsupported, "the token does not work with keys of this size"),
    SIGNET_CKR(CKR_KEY_TYPE_INCONSISTENT, token_refused, kRefusedKey),
    SIGNET_CKR(CKR_KEY_NOT_NEEDED, internal, kDefect),
    SIGNET_CKR(CKR_KEY_CHANGED, internal, kDefect),
    SIGNET_CKR(CKR_KEY_NEEDED, internal, kDefect),
    SIGNET_CKR(CKR_KEY_INDIGESTIBLE, token_refused, kRefusedKey),
    SIGNET_CKR(CKR_KEY_FUNCTION_NOT_PERMITTED, token_refused, kRefusedKey),
    SIGNET_CKR(CKR_KEY_NOT_WRAPPABLE, unsupported, "the token does not wrap keys of this kind"),
    SIGNET_CKR(CKR_KEY_UNEXTRACTABLE, token_refused, "the key may not leave the token"),
    SIGNET_CKR(CKR_MECHANISM_INVALID, unsupported, kMechanism),
    SIGNET_CKR(CKR_MECHANISM_PARAM_INVALID, unsupported, kMechanism),
    SIGNET_CKR(CKR_OBJECT_HANDLE_INVALID, not_found, "the token no longer has the object"),
    SIGNET_CKR(CKR_OPERATION_ACTIVE, token_unavailable, kSession),
    SIGNET_CKR(CKR_OPERATION_NOT_INITIALIZED, token_unavailable, kSession),
    SIGNET_CKR(CKR_PIN_INCORRECT, token_pin, kPin),
    SIGNET_CKR(CKR_PIN_INVALID, token_pin, kPin),
    SIGNET_CKR(CKR_PIN_LEN_RANGE, token_pin, "the PIN is shorter or longer than the token takes"),
    SIGNET_CKR(CKR_PIN_EXPIRED, token_pin, "the token's PIN has expired; set a new one"),
    SIGNET_CKR(CKR_PIN_LOCKED, token_pin, kPinLocked),
    SIGNET_CKR(CKR_SESSION_CLOSED, token_unavailable, kSession),
    SIGNET_CKR(CKR_SESSION_COUNT, overloaded, "the token has no free session; use fewer threads"),
    SIGNET_CKR(CKR_SESSION_HANDLE_INVALID, token_unavailable, kSession),
    SIGNET_CKR(CKR_SESSION_PARALLEL_NOT_SUPPORTED, internal, kDefect),
    SIGNET_CKR(CKR_SESSION_READ_ONLY, token_read_only, kReadOnly),
    SIGNET_CKR(CKR_SESSION_EXISTS, failed_precondition,
               "other sessions are open on the token; stop what uses it"),
    SIGNET_CKR(CKR_SESSION_READ_ONLY_EXISTS, failed_precondition,
               "other sessions are open on the token; stop what uses it"),
    SIGNET_CKR(CKR_SESSION_READ_WRITE_SO_EXISTS, failed_precondition,
               "the security officer is logged in; end that session"),
    SIGNET_CKR(CKR_SIGNATURE_INVALID, token_refused, kRefusedInput),
    SIGNET_CKR(CKR_SIGNATURE_LEN_RANGE, token_refused, kRefusedInput),
    SIGNET_CKR(CKR_TEMPLATE_INCOMPLETE, unsupported, "the token wants attributes that were not given"),
    SIGNET_CKR(CKR_TEMPLATE_INCONSISTENT, token_refused, "the token refused the attributes of the key"),
    SIGNET_CKR(CKR_TOKEN_NOT_PRESENT, token_unavailable, kGone),
    SIGNET_CKR(CKR_TOKEN_NOT_RECOGNIZED, token_unavailable, kGone),
    SIGNET_CKR(CKR_TOKEN_WRITE_PROTECTED, token_read_only, kReadOnly),
    SIGNET_CKR(CKR_UNWRAPPING_KEY_HANDLE_INVALID, not_found, "the token no longer has the wrapping key"),
    SIGNET_CKR(CKR_UNWRAPPING_KEY_SIZE_RANGE, unsupported, kRefusedKey),
    SIGNET_CKR(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, token_refused, kRefusedKey),
    SIGNET_CKR(CKR_USER_ALREADY_LOGGED_IN, internal, kDefect),
    SIGNET_CKR(CKR_USER_NOT_LOGGED_IN, token_unavailable, kLogin),
    SIGNET_CKR(CKR_USER_PIN_NOT_INITIALIZED, token_pin, "the token has no user PIN yet; initialise it"),
    SIGNET_CKR(CKR_USER_TYPE_INVALID, internal, kDefect),
    SIGNET_CKR(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, internal, kDefect),
    SIGNET_CKR(CKR_USER_TOO_MANY_TYPES, internal, kDefect),
    SIGNET_CKR(CKR_WRAPPED_KEY_INVALID, token_refused,
               "the wrapped key is damaged or was wrapped under another key"),
    SIGNET_CKR(CKR_WRAPPED_KEY_LEN_RANGE, token_refused,
               "the wrapped key is damaged or was wrapped under another key"),
    SIGNET_CKR(CKR_WRAPPING_KEY_HANDLE_INVALID, not_found, "the token no longer has the wrapping key"),
    SIGNET_CKR(CKR_WRAPPING_KEY_SIZE_RANGE, unsupported, kRefusedKey),
    SIGNET_CKR(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, token_refused, kRefusedKey),
    SIGNET_CKR(CKR_RANDOM_SEED_NOT_SUPPORTED, unsupported, kDefect),
    SIGNET_CKR(CKR_RANDOM_NO_RNG, unsupported, "the token has no random generator"),
    SIGNET_CKR(CKR_DOMAIN_PARAMS_INVALID, unsupported, "the token does not know this curve"),
    SIGNET_CKR(CKR_CURVE_NOT_SUPPORTED, unsupported, "the token does not know this curve"),
    SIGNET_CKR(CKR_BUFFER_TOO_SMALL, internal, kDefect),
    SIGNET_CKR(CKR_SAVED_STATE_INVALID, internal, kDefect),
    SIGNET_CKR(CKR_INFORMATION_SENSITIVE, token_refused, "the token does not reveal this attribute"),
    SIGNET_CKR(CKR_STATE_UNSAVEABLE, internal, kDefect),
    SIGNET_CKR(CKR_CRYPTOKI_NOT_INITIALIZED, token_unavailable, kGone),
    SIGNET_CKR(CKR_CRYPTOKI_ALREADY_INITIALIZED, internal, "the module is in use in this process already"),
    SIGNET_CKR(CKR_MUTEX_BAD, internal, kDefect),
    SIGNET_CKR(CKR_MUTEX_NOT_LOCKED, internal, kDefect),
    SIGNET_CKR(CKR_FUNCTION_REJECTED, token_refused,
               "the token refused; it may want an operator at the device"),
};
#undef SIGNET_CKR

std::string hex(CK_RV rv) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), rv, 16).ptr;
    return "0x" + std::string(digits.data(), end);
}

const Row* row_of(CK_RV rv) {
    const auto* row = std::ranges::find(kRows, rv, &Row::rv);
    return row == kRows.end() ? nullptr : row;
}

}  // namespace

std::string ckr_name(CK_RV rv) {
    if (rv == CKR_OK) return "CKR_OK";
    if (const auto* row = row_of(rv)) return std::string(row->name);
    return "CKR " + hex(rv);
}

ErrorCode code_of(CK_RV rv) {
    const auto* row = row_of(rv);
    // Vendors' own codes mostly tell of trouble with the device.
    return row == nullptr ? ErrorCode::token_unavailable : row->code;
}

Error to_error(const Failure& failure, std::string_view what) {
    const auto* row = row_of(failure.rv);
    return Error{
        .code = code_of(failure.rv),
        .message = std::string(what) + " failed: " + std::string(row == nullptr ? kTrouble : row->message),
        .detail = std::string(failure.call) + ": " + ckr_name(failure.rv) + " (" + hex(failure.rv) + ")"};
}

bool is_stale_handle(CK_RV rv) {
    return rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID ||
           rv == CKR_WRAPPING_KEY_HANDLE_INVALID || rv == CKR_UNWRAPPING_KEY_HANDLE_INVALID;
}

bool is_stale_session(CK_RV rv) {
    return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED || rv == CKR_OPERATION_ACTIVE ||
           rv == CKR_OPERATION_NOT_INITIALIZED;
}

bool is_token_lost(CK_RV rv) {
    return rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_TOKEN_NOT_PRESENT ||
           rv == CKR_TOKEN_NOT_RECOGNIZED || rv == CKR_DEVICE_REMOVED || rv == CKR_USER_NOT_LOGGED_IN ||
           rv == CKR_SLOT_ID_INVALID;
}

bool leaves_session_suspect(CK_RV rv) {
    return is_stale_session(rv) || is_token_lost(rv) || rv == CKR_BUFFER_TOO_SMALL ||
           rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_DEVICE_ERROR ||
           rv == CKR_HOST_MEMORY || rv == CKR_FUNCTION_CANCELED || rv == CKR_CANCEL || row_of(rv) == nullptr;
}

}  // namespace signet::pkcs11
