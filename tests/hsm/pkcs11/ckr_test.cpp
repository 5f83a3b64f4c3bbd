#include "hsm/pkcs11/ckr.h"

#include <gtest/gtest.h>

namespace signet::pkcs11 {
namespace {

TEST(Ckr, MapsWhatAnOperatorHasToTellApart) {
    struct Case {
        CK_RV rv;
        ErrorCode code;
    };
    for (const auto& [rv, code] : {
             Case{CKR_TOKEN_NOT_PRESENT, ErrorCode::token_unavailable},
             Case{CKR_DEVICE_REMOVED, ErrorCode::token_unavailable},
             Case{CKR_CRYPTOKI_NOT_INITIALIZED, ErrorCode::token_unavailable},
             Case{CKR_GENERAL_ERROR, ErrorCode::token_unavailable},
             Case{CKR_SESSION_HANDLE_INVALID, ErrorCode::token_unavailable},
             Case{CKR_USER_NOT_LOGGED_IN, ErrorCode::token_unavailable},
             Case{CKR_DEVICE_MEMORY, ErrorCode::token_full},
             Case{CKR_TOKEN_WRITE_PROTECTED, ErrorCode::token_read_only},
             Case{CKR_SESSION_READ_ONLY, ErrorCode::token_read_only},
             Case{CKR_PIN_INCORRECT, ErrorCode::token_pin},
             Case{CKR_PIN_LOCKED, ErrorCode::token_pin},
             Case{CKR_PIN_EXPIRED, ErrorCode::token_pin},
             Case{CKR_PIN_LEN_RANGE, ErrorCode::token_pin},
             Case{CKR_USER_PIN_NOT_INITIALIZED, ErrorCode::token_pin},
             Case{CKR_KEY_FUNCTION_NOT_PERMITTED, ErrorCode::token_refused},
             Case{CKR_KEY_UNEXTRACTABLE, ErrorCode::token_refused},
             Case{CKR_ENCRYPTED_DATA_INVALID, ErrorCode::token_refused},
             Case{CKR_OBJECT_HANDLE_INVALID, ErrorCode::not_found},
             Case{CKR_KEY_HANDLE_INVALID, ErrorCode::not_found},
             Case{CKR_MECHANISM_INVALID, ErrorCode::unsupported},
             Case{CKR_FUNCTION_NOT_SUPPORTED, ErrorCode::unsupported},
             Case{CKR_SESSION_COUNT, ErrorCode::overloaded},
             Case{CKR_VENDOR_DEFINED | 0x17, ErrorCode::token_unavailable},
         }) {
        EXPECT_EQ(code_of(rv), code) << ckr_name(rv);
    }
}

TEST(Ckr, NamesTheCodeInTheDetailAndNeverInTheMessage) {
    const auto error = to_error({CKR_FUNCTION_FAILED, "C_Sign"}, "signing with device.ca/1");
    EXPECT_EQ(error.code, ErrorCode::token_unavailable);
    EXPECT_EQ(error.detail, "C_Sign: CKR_FUNCTION_FAILED (0x6)");
    EXPECT_TRUE(error.message.starts_with("signing with device.ca/1 failed: ")) << error.message;
    EXPECT_EQ(error.message.find("CKR"), std::string::npos);
    EXPECT_EQ(ckr_name(CKR_VENDOR_DEFINED | 1), "CKR 0x80000001");
    EXPECT_EQ(ckr_name(CKR_OK), "CKR_OK");
}

TEST(Ckr, TellsAHandleFromASessionFromTheToken) {
    EXPECT_TRUE(is_stale_handle(CKR_OBJECT_HANDLE_INVALID));
    EXPECT_TRUE(is_stale_handle(CKR_UNWRAPPING_KEY_HANDLE_INVALID));
    EXPECT_FALSE(is_stale_handle(CKR_SESSION_HANDLE_INVALID));
    EXPECT_TRUE(is_stale_session(CKR_SESSION_HANDLE_INVALID));
    EXPECT_TRUE(is_stale_session(CKR_OPERATION_ACTIVE));
    EXPECT_FALSE(is_stale_session(CKR_USER_NOT_LOGGED_IN));
    EXPECT_TRUE(is_token_lost(CKR_USER_NOT_LOGGED_IN));
    EXPECT_TRUE(is_token_lost(CKR_TOKEN_NOT_PRESENT));
    EXPECT_FALSE(is_token_lost(CKR_GENERAL_ERROR));
    EXPECT_TRUE(leaves_session_suspect(CKR_GENERAL_ERROR));
    EXPECT_TRUE(leaves_session_suspect(CKR_VENDOR_DEFINED | 2));
    EXPECT_FALSE(leaves_session_suspect(CKR_ENCRYPTED_DATA_INVALID));
}

}  // namespace
}  // namespace signet::pkcs11
