#include "daemon/ctl/context.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "tests/support/process.h"

namespace signet::ctl {
namespace {

TEST(ErrorOfAnswer, FollowsTheProblemDocument) {
    const auto error = error_of(
        {.status = 409,
         .content_type = "application/problem+json",
         .body =
             R"({"type":"urn:signet:error:already_exists","title":"x","status":409,"detail":"it is there"})",
         .request_id = "abc"});
    EXPECT_EQ(error.code, ErrorCode::already_exists);
    EXPECT_EQ(error.message, "it is there");
    EXPECT_EQ(error.detail, "request abc");
}

TEST(ErrorOfAnswer, FallsBackToTheStatus) {
    const std::pair<unsigned, ErrorCode> expected[] = {
        {400, ErrorCode::invalid_argument},  {401, ErrorCode::unauthenticated},
        {403, ErrorCode::permission_denied}, {404, ErrorCode::not_found},
        {413, ErrorCode::too_large},         {429, ErrorCode::rate_limited},
        {503, ErrorCode::overloaded},        {502, ErrorCode::internal}};
    for (const auto& [status, code] : expected) {
        EXPECT_EQ(error_of({.status = status, .content_type = "", .body = "<html>", .request_id = ""}).code,
                  code)
            << status;
        EXPECT_EQ(error_of({.status = status, .content_type = "", .body = "[1]", .request_id = ""}).code,
                  code)
            << status;
    }
}

TEST(PathSegment, EncodesWhatCouldChangeThePath) {
    EXPECT_EQ(path_segment("document.ec-1_~"), "document.ec-1_~");
    EXPECT_EQ(path_segment("../a b?c#d%"), "..%2Fa%20b%3Fc%23d%25");
    EXPECT_EQ(path_segment("é"), "%C3%A9");
}

TEST(Members, OfAnyTypeNeverThrow) {
    const auto value =
        boost::json::parse(R"({"text":"a","number":7,"flag":true,"list":["x","y"],"null":null})");
    EXPECT_EQ(text_of(value, "text"), "a");
    EXPECT_EQ(text_of(value, "number"), "7");
    EXPECT_EQ(text_of(value, "list"), "");
    EXPECT_EQ(text_of(value, "missing"), "");
    EXPECT_EQ(number_of(value, "number"), 7U);
    EXPECT_EQ(number_of(value, "text"), 0U);
    EXPECT_TRUE(flag_of(value, "flag"));
    EXPECT_FALSE(flag_of(value, "number"));
    EXPECT_EQ(join_of(value, "list"), "x, y");
    EXPECT_EQ(text_of(boost::json::value(nullptr), "a"), "");
}

TEST(Context, SaysHowToFindTheApplianceAndHowToStartIt) {
    const signet::testing::TempDirectory directory;
    Output out(false);
    Context nowhere({.config = directory / "none.yaml", .socket = {}, .json = false}, out);
    const auto missing = nowhere.config();
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    EXPECT_NE(missing.error().message.find("--config"), std::string::npos);

    Context stopped({.config = directory / "none.yaml", .socket = directory / "no.sock", .json = false}, out);
    const auto answer = stopped.get("/v1/keys");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::token_unavailable);
    EXPECT_NE(answer.error().message.find("--with-token"), std::string::npos);
}

}  // namespace
}  // namespace signet::ctl
