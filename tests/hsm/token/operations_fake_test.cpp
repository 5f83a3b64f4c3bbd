// What a token can do wrong, on a scripted module: every failure has its own error, nothing is asked twice that must not
// be, and nothing half-made stays.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/hsm/token/operations_fake.h"

namespace signet::token {
namespace {

TEST_F(OperationsFake, LogsInOnceForAllItDoes) {
    open();
    ASSERT_TRUE(make("one"));
    for (int i = 0; i < 20; ++i)
        EXPECT_TRUE(sign("one"));
    EXPECT_EQ(fake.calls("C_Login"), 1);
    EXPECT_EQ(fake.calls("C_Initialize"), 1);
}

TEST_F(OperationsFake, OpeningSaysWhatIsWrong) {
    struct Case {
        const char* call;
        CK_RV rv;
        ErrorCode code;
    };
    for (const auto& [call, rv, code] : {
             Case{"C_GetSlotList", CKR_GENERAL_ERROR, ErrorCode::token_unavailable},
             Case{"C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT, ErrorCode::token_unavailable},
             Case{"C_OpenSession", CKR_SESSION_COUNT, ErrorCode::overloaded},
             Case{"C_OpenSession", CKR_DEVICE_REMOVED, ErrorCode::token_unavailable},
             Case{"C_Login", CKR_PIN_INCORRECT, ErrorCode::token_pin},
             Case{"C_Login", CKR_PIN_LOCKED, ErrorCode::token_pin},
             Case{"C_Login", CKR_PIN_EXPIRED, ErrorCode::token_pin},
             Case{"C_Login", CKR_DEVICE_ERROR, ErrorCode::token_unavailable},
             Case{"C_FindObjectsInit", CKR_TOKEN_NOT_PRESENT, ErrorCode::token_unavailable},
         }) {
        fake.answer(call, rv, FakeModule::kForever);
        const auto logins = fake.calls("C_Login");
        const auto opened = try_open();
        ASSERT_FALSE(opened) << call;
        EXPECT_EQ(opened.error().code, code) << call << ": " << opened.error().message;
        EXPECT_LE(fake.calls("C_Login"), logins + 1);
        EXPECT_FALSE(fake.initialized) << "the module must be finalised on the way out";
        fake.clear_answers();
    }
    EXPECT_EQ(try_open("4321").error().code, ErrorCode::token_pin);
    EXPECT_TRUE(try_open());
}

TEST_F(OperationsFake, SigningMapsEveryFailure) {
    struct Case {
        CK_RV rv;
        ErrorCode code;
        bool lost;
    };
    for (const char* call : {"C_SignInit", "C_Sign"}) {
        for (const auto& [rv, code, lost] : {
                 Case{CKR_TOKEN_NOT_PRESENT, ErrorCode::token_unavailable, true},
                 Case{CKR_DEVICE_REMOVED, ErrorCode::token_unavailable, true},
                 Case{CKR_USER_NOT_LOGGED_IN, ErrorCode::token_unavailable, true},
                 Case{CKR_CRYPTOKI_NOT_INITIALIZED, ErrorCode::token_unavailable, true},
                 Case{CKR_GENERAL_ERROR, ErrorCode::token_unavailable, false},
                 Case{CKR_DEVICE_ERROR, ErrorCode::token_unavailable, false},
                 Case{CKR_HOST_MEMORY, ErrorCode::token_unavailable, false},
                 Case{CKR_SESSION_HANDLE_INVALID, ErrorCode::token_unavailable, false},
                 Case{CKR_KEY_FUNCTION_NOT_PERMITTED, ErrorCode::token_refused, false},
                 Case{CKR_MECHANISM_INVALID, ErrorCode::unsupported, false},
                 Case{CKR_DATA_LEN_RANGE, ErrorCode::token_refused, false},
                 Case{CKR_VENDOR_DEFINED | 5, ErrorCode::token_unavailable, false},
             }) {
            SCOPED_TRACE(std::string(call) + " " + pkcs11::ckr_name(rv));
            fake.objects.clear();
            open();
            ASSERT_TRUE(make("one"));
            fake.answer(call, rv, FakeModule::kForever);
            const auto signature = sign("one");
            ASSERT_FALSE(signature);
            EXPECT_EQ(signature.error().code, code);
            EXPECT_NE(signature.error().detail.find("CKR"), std::string::npos);
            EXPECT_EQ(operations->needs_restart(), lost);
            fake.clear_answers();
            // A token that was lost is not asked again; everything else works as soon as the token does.
            EXPECT_EQ(sign("one").has_value(), !lost);
            operations.reset();
        }
    }
}

TEST_F(OperationsFake, ALostTokenIsNotAskedAgain) {
    open();
    ASSERT_TRUE(make("one"));
    fake.answer("C_SignInit", CKR_DEVICE_REMOVED);
    EXPECT_FALSE(sign("one"));
    const auto calls = fake.total_calls();
    EXPECT_EQ(sign("one").error().code, ErrorCode::token_unavailable);
    EXPECT_EQ(operations->find_key({"one", 1}, soon()).error().code, ErrorCode::token_unavailable);
    EXPECT_EQ(make("two").error().code, ErrorCode::token_unavailable);
    EXPECT_EQ(operations->probe().error().code, ErrorCode::token_unavailable);
    EXPECT_EQ(fake.total_calls(), calls);
}

TEST_F(OperationsFake, SessionsThatWereClosedAreOpenedAgain) {
    open();
    ASSERT_TRUE(make("one"));
    ASSERT_TRUE(sign("one"));
    fake.close_sessions(false);
    EXPECT_TRUE(sign("one"));
    EXPECT_TRUE(operations->probe());
    EXPECT_FALSE(operations->needs_restart());
}

TEST_F(OperationsFake, ALoginThatEndedWithTheSessionsIsALostToken) {
    open();
    ASSERT_TRUE(make("one"));
    fake.close_sessions(true);
    EXPECT_EQ(sign("one").error().code, ErrorCode::token_unavailable);
    EXPECT_TRUE(operations->needs_restart());
    EXPECT_EQ(fake.calls("C_Login"), 1) << "only a new worker logs in";
}

TEST_F(OperationsFake, AnOperationLeftOpenIsNotMetAgain) {
    open();
    ASSERT_TRUE(make("one"));
    // C_SignInit succeeds, C_Sign answers without ending the operation.
    fake.answer("C_Sign", CKR_BUFFER_TOO_SMALL);
    EXPECT_FALSE(sign("one"));
    EXPECT_TRUE(sign("one"));
}

TEST_F(OperationsFake, AStaleHandleIsFoundAgainOnce) {
    open();
    ASSERT_TRUE(make("one"));
    ASSERT_TRUE(make("two"));
    // The token moved its objects: the same keys have new handles.
    decltype(fake.objects) moved;
    for (auto& [handle, object] : fake.objects)
        moved.emplace(handle + 1000, std::move(object));
    fake.objects = std::move(moved);
    const auto searches = fake.calls("C_FindObjectsInit");
    EXPECT_TRUE(sign("one"));
    EXPECT_GT(fake.calls("C_FindObjectsInit"), searches);
    const auto after = fake.calls("C_FindObjectsInit");
    EXPECT_TRUE(sign("one"));
    EXPECT_EQ(fake.calls("C_FindObjectsInit"), after) << "no search while the handle is good";
}

TEST_F(OperationsFake, AKeySomebodyElseDestroyedIsNotFound) {
    open();
    ASSERT_TRUE(make("one"));
    ASSERT_TRUE(make("two"));
    std::erase_if(fake.objects,
                  [](const auto& entry) { return as_text(entry.second.at(CKA_LABEL)) == "one"; });
    EXPECT_EQ(sign("one").error().code, ErrorCode::not_found);
    EXPECT_TRUE(sign("two"));
    EXPECT_FALSE(operations->needs_restart());
    EXPECT_EQ(operations->list_keys(soon())->size(), 1U);
}

TEST_F(OperationsFake, AllKeysGoneAtOnceIsALostToken) {
    open();
    ASSERT_TRUE(make("one"));
    ASSERT_TRUE(make("two"));
    fake.objects.clear();
    EXPECT_EQ(sign("one").error().code, ErrorCode::token_unavailable);
    EXPECT_TRUE(operations->needs_restart());
}

TEST_F(OperationsFake, TwoKeysOfOneNameAreNotUsed) {
    open();
    ASSERT_TRUE(make("one"));
    auto twins = fake.objects;
    for (auto& [handle, object] : twins) {
        object.at(CKA_ID).back() ^= 1;
        fake.add(object);
    }
    ASSERT_TRUE(operations->forget_key({"one", 1}, soon()));
    EXPECT_EQ(sign("one").error().code, ErrorCode::conflict);
    EXPECT_EQ(sign("one").error().code, ErrorCode::conflict);
    EXPECT_EQ(make("one").error().code, ErrorCode::conflict);
}

TEST_F(OperationsFake, MakingKeysSaysWhatTheTokenLacks) {
    struct Case {
        const char* call;
        CK_RV rv;
        ErrorCode code;
    };
    open();
    for (const auto& [call, rv, code] : {
             Case{"C_GenerateKeyPair", CKR_DEVICE_MEMORY, ErrorCode::token_full},
             Case{"C_GenerateKeyPair", CKR_TOKEN_WRITE_PROTECTED, ErrorCode::token_read_only},
             Case{"C_GenerateKeyPair", CKR_SESSION_READ_ONLY, ErrorCode::token_read_only},
             Case{"C_OpenSession", CKR_TOKEN_WRITE_PROTECTED, ErrorCode::token_read_only},
             Case{"C_SetAttributeValue", CKR_DEVICE_MEMORY, ErrorCode::token_full},
             Case{"C_GenerateKeyPair", CKR_MECHANISM_INVALID, ErrorCode::unsupported},
             Case{"C_GenerateRandom", CKR_RANDOM_NO_RNG, ErrorCode::unsupported},
         }) {
        fake.answer(call, rv, FakeModule::kForever);
        const auto made = make("one");
        ASSERT_FALSE(made) << call;
        EXPECT_EQ(made.error().code, code) << call << " " << pkcs11::ckr_name(rv);
        fake.clear_answers();
        EXPECT_TRUE(fake.objects.empty()) << call << " left something behind";
    }
    EXPECT_TRUE(make("one"));
}

TEST_F(OperationsFake, AttributesTheTokenDoesNotKeepAreLeftOut) {
    open();
    for (const CK_RV rv :
         {CKR_ATTRIBUTE_TYPE_INVALID, CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_VALUE_INVALID}) {
        fake.objects.clear();
        fake.answer("C_GenerateKeyPair", rv);
        const auto label = "key" + std::to_string(rv);
        ASSERT_TRUE(make(label)) << pkcs11::ckr_name(rv);
        EXPECT_TRUE(std::ranges::none_of(
            fake.objects, [](const auto& entry) { return entry.second.contains(CKA_ALLOWED_MECHANISMS); }));
        ASSERT_TRUE(operations->destroy_key({label, 1}, soon()));
    }
    ASSERT_TRUE(make("plain"));
    EXPECT_TRUE(std::ranges::any_of(
        fake.objects, [](const auto& entry) { return entry.second.contains(CKA_ALLOWED_MECHANISMS); }));
}

TEST_F(OperationsFake, ATokenThatMakesAKeyExtractableUnaskedIsNotTrusted) {
    open();
    // The answer to the one read between generation and rename.
    const auto before = fake.objects;
    fake.answer("C_GetAttributeValue", CKR_ATTRIBUTE_SENSITIVE, 1, 0);
    const auto made = make("one");
    ASSERT_FALSE(made);
    EXPECT_EQ(fake.objects.size(), before.size());
}

// Whatever call fails, and with whatever code: either the key is made, or nothing of it is left once the next worker has
// swept the token.
TEST_F(OperationsFake, AGenerationThatFailsAnywhereLeavesNothing) {
    for (const auto algorithm : {KeyAlgorithm::ec_p256, KeyAlgorithm::hmac_256}) {
        for (const CK_RV rv :
             {CKR_GENERAL_ERROR, CKR_DEVICE_MEMORY, CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED}) {
            const auto usage = algorithm == KeyAlgorithm::ec_p256 ? KeyUsage::sign : KeyUsage::mac;
            for (int call = 0;; ++call) {
                SCOPED_TRACE(pkcs11::ckr_name(rv) + " at call " + std::to_string(call));
                fake.objects.clear();
                fake.clear_answers();
                open();
                const auto start = fake.total_calls();
                fake.fail_call(start + call, rv);
                const auto made = make("one", algorithm, usage);
                const bool over = fake.total_calls() <= start + call;
                fake.clear_answers();
                operations.reset();

                open();  // a new worker, which sweeps
                EXPECT_EQ(provisional(), 0U);
                const auto listed = operations->list_keys(soon());
                ASSERT_TRUE(listed);
                // What was acknowledged is there; what was not is there whole (the failure came after the commit) or not.
                EXPECT_GE(listed->size(), made ? 1U : 0U);
                const std::size_t whole = algorithm == KeyAlgorithm::ec_p256 ? 2 : 1;
                EXPECT_EQ(fake.token_objects(), listed->size() * whole);
                operations.reset();
                if (over) break;
                ASSERT_LT(call, 200);
            }
        }
    }
}

// As above, with a process that dies at the call: nothing after it happens, no undoing either.
TEST_F(OperationsFake, AGenerationKilledAnywhereLeavesNothing) {
    for (int call = 0;; ++call) {
        SCOPED_TRACE("killed at call " + std::to_string(call));
        fake.objects.clear();
        open();
        const auto start = fake.total_calls();
        for (int later = call; later < call + 100; ++later)
            fake.fail_call(start + later, CKR_CRYPTOKI_NOT_INITIALIZED);
        const auto made = make("one");
        const bool over = fake.total_calls() <= start + call;
        fake.clear_answers();
        operations.reset();
        fake.initialized = false;
        fake.logged_in = false;

        open();
        EXPECT_EQ(provisional(), 0U);
        const auto listed = operations->list_keys(soon());
        ASSERT_TRUE(listed);
        EXPECT_EQ(fake.token_objects(), listed->size() * 2);
        EXPECT_GE(listed->size(), made ? 1U : 0U);
        EXPECT_EQ(make("one").has_value(), listed->empty());
        operations.reset();
        if (over) break;
        ASSERT_LT(call, 200);
    }
}

TEST_F(OperationsFake, TheSweepLeavesOthersObjectsAlone) {
    const auto label = [](std::string_view text) { return to_bytes(text); };
    const auto number = [](CK_ULONG value) {
        return Bytes(reinterpret_cast<const std::uint8_t*>(&value),
                     reinterpret_cast<const std::uint8_t*>(&value) + sizeof value);
    };
    const Bytes ours = encode(KeyMetadata{KeyAlgorithm::ec_p256, KeyUsage::sign, 1, {}});
    fake.add({{CKA_CLASS, number(CKO_PUBLIC_KEY)},
              {CKA_TOKEN, {1}},
              {CKA_LABEL, label("theirs")},
              {CKA_ID, Bytes{1, 2}}});
    fake.add({{CKA_CLASS, number(CKO_PRIVATE_KEY)},
              {CKA_TOKEN, {1}},
              {CKA_LABEL, label("~provisional:1")},
              {CKA_ID, Bytes{1, 2}}});
    fake.add({{CKA_CLASS, number(CKO_CERTIFICATE)}, {CKA_TOKEN, {1}}, {CKA_LABEL, label("theirs")}});
    const auto orphan = fake.add(
        {{CKA_CLASS, number(CKO_PUBLIC_KEY)}, {CKA_TOKEN, {1}}, {CKA_LABEL, label("one")}, {CKA_ID, ours}});
    const auto certificate = fake.add(
        {{CKA_CLASS, number(CKO_CERTIFICATE)}, {CKA_TOKEN, {1}}, {CKA_LABEL, label("one")}, {CKA_ID, ours}});
    open();
    EXPECT_EQ(fake.objects.size(), 3U);
    EXPECT_FALSE(fake.objects.contains(orphan));
    EXPECT_FALSE(fake.objects.contains(certificate));
}

TEST_F(OperationsFake, ASweepThatFailsDoesNotKeepTheTokenFromSigning) {
    open();
    ASSERT_TRUE(make("one"));
    operations.reset();
    auto leftover = fake.objects.begin()->second;
    leftover[CKA_LABEL] = to_bytes("~provisional:00");
    leftover[CKA_ID].back() ^= 1;
    fake.add(leftover);
    fake.answer("C_DestroyObject", CKR_TOKEN_WRITE_PROTECTED, FakeModule::kForever);
    open();
    EXPECT_TRUE(sign("one"));
    EXPECT_EQ(operations->list_keys(soon())->size(), 1U);
}

TEST_F(OperationsFake, SessionCopiesAreMadeOnceAndGoWithTheKey) {
    copies = true;
    open();
    ASSERT_TRUE(make("one"));
    ASSERT_TRUE(make("two"));
    for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(sign("one"));
    EXPECT_EQ(fake.calls("C_CopyObject"), 1);
    EXPECT_EQ(fake.objects.size(), 5U);
    ASSERT_TRUE(operations->forget_key({"one", 1}, soon()));
    EXPECT_EQ(fake.objects.size(), 4U) << "a disabled key must not stay in memory";
    ASSERT_TRUE(sign("one"));
    ASSERT_TRUE(operations->destroy_key({"one", 1}, soon()));
    EXPECT_EQ(fake.objects.size(), 2U) << "the copy would outlive the token's key";
}

TEST_F(OperationsFake, ATokenThatRefusesCopiesSignsFromItself) {
    copies = true;
    open();
    ASSERT_TRUE(make("one"));
    fake.answer("C_CopyObject", CKR_FUNCTION_NOT_SUPPORTED, FakeModule::kForever);
    EXPECT_TRUE(sign("one"));
    EXPECT_TRUE(sign("one"));
    EXPECT_EQ(fake.calls("C_CopyObject"), 1);
}

}  // namespace
}  // namespace signet::token
