#include "hsm/pkcs11/module.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "tests/support/fake_module.h"
#include "tests/support/process.h"
#include "tests/support/softhsm_token.h"

namespace signet::pkcs11 {
namespace {

using testing::FakeModule;
using testing::TempDirectory;

TEST(Module, SaysWhereNoModuleIs) {
    const auto module = Module::load("/nonexistent/module.so");
    ASSERT_FALSE(module);
    EXPECT_EQ(module.error().code, ErrorCode::token_unavailable);
    EXPECT_EQ(module.error().message,
              "there is no PKCS#11 module at /nonexistent/module.so; install it or correct the path");
}

TEST(Module, RefusesWhatIsNoLibraryAndWhatIsNoModule) {
    const TempDirectory directory;
    const auto text = Module::load(directory.write("module.so", "not a library"));
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, ErrorCode::token_unavailable);
    const auto library = Module::load("/lib/x86_64-linux-gnu/libm.so.6");
    ASSERT_FALSE(library);
    EXPECT_NE(library.error().message.find("is not a PKCS#11 module"), std::string::npos)
        << library.error().message;
}

TEST(Module, InitialisesOnceAndFinalises) {
    FakeModule fake;
    {
        const auto module = Module::adopt(fake.functions(), "fake");
        ASSERT_TRUE(module);
        EXPECT_TRUE(fake.initialized);
        EXPECT_EQ((*module)->manufacturer(), "Fake");
        EXPECT_FALSE(Module::adopt(fake.functions(), "fake"));
        EXPECT_TRUE(fake.initialized) << "the second, failed one must not finalise the first";
    }
    EXPECT_FALSE(fake.initialized);
}

TEST(Module, WhatDoesNotStartIsUnavailable) {
    FakeModule fake;
    for (const CK_RV rv : {CKR_GENERAL_ERROR, CKR_CANT_LOCK, CKR_HOST_MEMORY}) {
        fake.answer("C_Initialize", rv);
        const auto module = Module::adopt(fake.functions(), "fake");
        ASSERT_FALSE(module);
        EXPECT_EQ(module.error().code, ErrorCode::token_unavailable) << module.error().detail;
    }
    EXPECT_EQ(fake.calls("C_Finalize"), 0);
}

TEST(Module, ReportsAFunctionTheModuleLeavesOut) {
    FakeModule fake;
    const auto module = Module::adopt(fake.functions(), "fake");
    ASSERT_TRUE(module);
    const auto status = SIGNET_P11(**module, C_WaitForSlotEvent, CK_FLAGS{0}, nullptr, nullptr);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().rv, CKR_FUNCTION_NOT_SUPPORTED);
    EXPECT_EQ(status.error().call, "C_WaitForSlotEvent");
}

TEST(Module, LeavesNoErrorsOfTheModuleOnTheThreadsOpensslQueue) {
    const testing::SoftHsmToken token;
    ERR_clear_error();
    {
        const auto module = Module::load(testing::SoftHsmToken::module());
        ASSERT_TRUE(module) << module.error().message;
    }
    EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(Unpadded, RemovesBlanksAndZerosAtTheEndOnly) {
    const unsigned char text[8] = {' ', 'a', ' ', 'b', ' ', ' ', 0, 0};
    EXPECT_EQ(unpadded(text, sizeof text), " a b");
    EXPECT_EQ(unpadded(text, 0), "");
}

}  // namespace
}  // namespace signet::pkcs11
