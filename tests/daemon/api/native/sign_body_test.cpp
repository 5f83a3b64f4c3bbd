#include "daemon/api/native/sign_body.h"

#include <gtest/gtest.h>

namespace signet::api::native {
namespace {

TEST(FlatBody, ReadsWhatClientsSend) {
    const auto body = scan_flat_body(R"({"algorithm":"ES256","data":"aGVsbG8="})");
    ASSERT_TRUE(body);
    EXPECT_EQ(body->algorithm, "ES256");
    EXPECT_EQ(body->data, "aGVsbG8=");
    EXPECT_FALSE(body->digest);
    const auto spaced = scan_flat_body(" {\n\t\"digest\" : \"AA==\" }\r\n");
    ASSERT_TRUE(spaced);
    EXPECT_EQ(spaced->digest, "AA==");
    EXPECT_FALSE(spaced->algorithm);
}

// Each of these is for the real parser to accept or to refuse.
TEST(FlatBody, LeavesEverythingElseToTheParser) {
    for (const auto* text : {"",
                             "{",
                             "{}",
                             "[]",
                             "null",
                             R"({"data":1})",
                             R"({"data":null})",
                             R"({"data":"a\/b"})",
                             R"({"data":"a","data":"b"})",
                             R"({"data":"a"} x)",
                             R"({"data":"a",})",
                             R"({"data":"a" "digest":"b"})",
                             R"({"unknown":"a"})",
                             R"({"data":"a)",
                             R"({"data":{"data":"a"}})",
                             R"({data:"a"})",
                             "{\"data\":\"\xC3\xA4\"}",
                             "{\"data\":\"a\nb\"}",
                             R"({"Data":"a"})",
                             R"({"\u0064ata":"a"})",
                             "\xEF\xBB\xBF{\"data\":\"a\"}"})
        EXPECT_FALSE(scan_flat_body(text)) << text;
}

}  // namespace
}  // namespace signet::api::native
