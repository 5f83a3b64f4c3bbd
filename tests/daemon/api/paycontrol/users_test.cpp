// What the handlers of users stand on, without a daemon: flags, templates, QR codes, tolerance of JSON.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/encoding.h"
#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/error_codes.h"
#include "daemon/api/paycontrol/key_params.h"
#include "daemon/api/paycontrol/qr.h"
#include "daemon/api/paycontrol/templates.h"
#include "daemon/paycontrol/key_export.h"
#include "tests/support/process.h"

namespace signet::api::paycontrol {
namespace {

std::uint32_t flags(std::string_view params) {
    const auto body = parse_body(R"({"key_params":)" + std::string(params) + "}");
    EXPECT_TRUE(body);
    const auto read = read_key_params(*body);
    EXPECT_TRUE(read) << params;
    return read.value_or(~0U);
}

// The samples of the document, whose flags are known to the bit.
TEST(KeyParams, BecomeTheFlagsOfTheSamples) {
    EXPECT_EQ(flags("{}"), 0U);
    EXPECT_EQ(flags("null"), 0U);
    EXPECT_EQ(flags(R"({"with_finger_print":true})"), 1U);
    EXPECT_EQ(flags(R"({"remote_update_enabled":true})"), 2048U);
    EXPECT_EQ(flags(R"({"scoring_enabled":true,"autosign_enabled":true,"telegram_enabled":true})"), 34304U);
    constexpr std::string_view kMost =
        R"("with_finger_print":true,"collect_events":true,"collect_device_info":true,"collect_device_SIM_info":true,)"
        R"("collect_device_location":true,"deny_renew_public_key":true,"scoring_enabled":true,"autosing_enabled":true,)"
        R"("remote_update_enabled":true,"telegram_enabled":true)";
    EXPECT_EQ(flags("{" + std::string(kMost) + "}"), 36639U);
    EXPECT_EQ(flags("{" + std::string(kMost) + R"(,"online_credentials":true})"), 102175U);
    EXPECT_EQ(flags(R"({"pass_policy":3,"nfc_policy":2})"), 3U << 5 | 2U << 13);
}

TEST(KeyParams, RefuseWhatCannotBe) {
    for (const auto* params :
         {R"({"pass_policy":4})", R"({"nfc_policy":3})", R"({"pass_policy":-1})",
          R"({"with_finger_print":"yes"})", R"({"server_signer":true,"with_finger_print":true})",
          R"({"server_signer":true,"online_credentials":true})", "7"}) {
        const auto body = parse_body(R"({"key_params":)" + std::string(params) + "}");
        ASSERT_TRUE(body);
        const auto read = read_key_params(*body);
        ASSERT_FALSE(read) << params;
        EXPECT_EQ(read.error().code, Code::json_request_incorrect);
    }
}

TEST(Body, TakesTrailingCommasAndNothingElse) {
    EXPECT_EQ(without_trailing_commas(R"({"a":[1,2,],"b":{"c":1 ,
 },})"),
              R"({"a":[1,2],"b":{"c":1 
 }})");
    EXPECT_EQ(without_trailing_commas(R"({"a":",}","b":"\",]"})"), R"({"a":",}","b":"\",]"})");
    EXPECT_TRUE(parse_body(R"({"a":1,})"));
    EXPECT_TRUE(parse_body(""));
    for (const auto* bad :
         {R"({"a":1,,})", R"({"a":1)", "[]", R"({"a":1} x)", R"({"a":1,"a":2})", "{\"a\":\"\xff\"}"}) {
        const auto parsed = parse_body(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().code, Code::json_request_incorrect);
    }
}

TEST(Templates, ReplaceEachVariableOnceAndNothingInWhatWasPutIn) {
    EXPECT_EQ(fill_template("x://%SYSTEM_ID%/%USER_ID%?k=%KEY%%%USER_ID",
                            {{"SYSTEM_ID", "%USER_ID%"}, {"USER_ID", "u"}}),
              "x://%USER_ID%/u?k=%KEY%%%USER_ID");
    EXPECT_EQ(url_encoded("a-Z_0.~ {\"\xd0\xb9\"}&=+/"), "a-Z_0.~%20%7B%22%D0%B9%22%7D%26%3D%2B%2F");
}

TEST(Errors, HaveTheDocumentsNumbersAndTexts) {
    EXPECT_EQ(all_codes().size(), 142U);
    EXPECT_TRUE(std::ranges::is_sorted(all_codes(), {}, &CodeText::code));
    EXPECT_EQ(describe(Code::user_not_found).name, "USER_NOT_FOUND");
    EXPECT_EQ(static_cast<int>(Code::feature_is_not_licensed), 352);
    EXPECT_EQ(describe(static_cast<Code>(999)).code, Code::java_internal_error);
}

// Width and height of a GIF's screen (GIF89a specification, section 18).
std::pair<unsigned, unsigned> size_of(const std::string& gif) {
    const auto number = [&](std::size_t at) {
        return static_cast<unsigned>(static_cast<unsigned char>(gif[at])) |
               static_cast<unsigned>(static_cast<unsigned char>(gif[at + 1])) << 8;
    };
    return {number(6), number(8)};
}

TEST(QrCodes, AreReadBackByteForByte) {
    const testing::TempDirectory directory;
    for (const std::size_t size : {1UL, 100UL, 600UL, 1200UL, 2048UL, 2953UL}) {
        SCOPED_TRACE(size);
        std::string text = size > 2 ? "\xd0\x99" : "";
        while (text.size() < size)
            text += "{\"key\":1, }"[text.size() % 11];
        const auto gif = qr_gif(text);
        ASSERT_TRUE(gif);
        EXPECT_TRUE(gif->starts_with("GIF8"));
        const auto [width, height] = size_of(*gif);
        EXPECT_EQ(width, height);
        EXPECT_GE(width, 300U);
        const auto file = directory.path() / "code.gif";
        std::ofstream(file, std::ios::binary) << *gif;
        // It complains to stderr where there is no D-Bus.
        const auto read =
            testing::run({"/bin/sh", "-c", "exec zbarimg --quiet --raw --oneshot -Sbinary \"$0\" 2>/dev/null",
                          file.string()});
        EXPECT_EQ(read.code, 0);
        EXPECT_TRUE(read.output == text);
    }
}

TEST(QrCodes, RefuseWhatIsTooLong) {
    for (const auto& text : {std::string(2954, 'x'), std::string(), std::string("a\0b", 3)}) {
        const auto gif = qr_gif(text);
        ASSERT_FALSE(gif);
        EXPECT_EQ(gif.error().code, Code::qr_generation_error);
    }
}

// docs/paycontrol-protocol.md prints these.
TEST(Transport, HasTheDocumentedBytes) {
    namespace shared = signet::paycontrol;
    const auto header = shared::export_header({"s1", "u1", 1, 0, 2048, 1733149357});
    EXPECT_EQ(to_hex(header),
              "7369676e65742d706179636f6e74726f6c2d6b65792d31007331007531003100300032303438003137333331343933"
              "353700");
    const auto request = shared::device_request_bytes({.verb = "POST",
                                                       .target = "/s1/users/u1/transactions/t1/confirm",
                                                       .step = 9628607,
                                                       .key_index = 1,
                                                       .fingerprint = "ab",
                                                       .body = "{}"});
    EXPECT_EQ(as_text(request),
              "signet-paycontrol-device-1\nPOST\n/s1/users/u1/transactions/t1/confirm\n9628607\n1\nab\n"
              "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    const Bytes challenge(32, 1), salt(32, 2);
    EXPECT_EQ(shared::renewal_message(challenge, salt).size(), 25U + 1 + 64);
    EXPECT_NE(to_hex(shared::renewal_context("k1", challenge, salt)),
              to_hex(shared::renewal_context("k2", challenge, salt)));
}

}  // namespace
}  // namespace signet::api::paycontrol
