// Problem documents and the OpenAPI description.
#include <gtest/gtest.h>

#include "daemon/api/json.h"
#include "daemon/api/openapi.h"
#include "daemon/api/problem.h"

namespace signet::api {
namespace {

TEST(Problem, EveryErrorHasAStatus) {
    for (unsigned value = 0; value < 256; ++value) {
        const auto code = error_code_from(static_cast<std::uint8_t>(value));
        if (!code) continue;
        const auto response = problem(Error{*code, "what \"happened\"", "secret detail"}, "id-1");
        EXPECT_EQ(response.status, http_status(*code));
        EXPECT_GE(response.status, 400U);
        const auto document = JsonObject::parse(response.body);
        ASSERT_TRUE(document) << response.body;
        EXPECT_EQ(document->text("type").value_or(""), "urn:signet:error:" + std::string(to_string(*code)));
        EXPECT_EQ(document->integer("status", 400, 599).value_or(0), response.status);
        EXPECT_NE(document->text("title").value_or("Status"), "Status");
        EXPECT_EQ(document->text("request_id").value_or(""), "id-1");
        EXPECT_EQ(document->text("detail").value_or("") == "what \"happened\"", *code != ErrorCode::internal);
        EXPECT_EQ(response.body.find("secret"), std::string::npos);
    }
}

TEST(Problem, SaysWhenToTryAgain) {
    const auto retry_after = [](const Error& error) -> std::string {
        for (const auto& [name, value] : problem(error, "").headers)
            if (name == "Retry-After") return value;
        return "never";
    };
    EXPECT_EQ(retry_after({ErrorCode::rate_limited, "", "", std::chrono::seconds(7)}), "7");
    EXPECT_EQ(retry_after({ErrorCode::token_unavailable, "", ""}), "1");
    EXPECT_EQ(retry_after({ErrorCode::not_found, "", ""}), "never");
}

TEST(OpenApi, DescribesTheTable) {
    Route sign;
    sign.verb = http::Verb::post;
    sign.pattern = "/v1/keys/{label}/sign-batch";
    sign.permission = "keys.sign";
    sign.summary = "Sign";
    sign.request_schema = R"({"type":"object"})";
    auto list = sign;
    list.verb = http::Verb::get;
    list.request_schema = {};
    const auto text = openapi_document({sign, list}, "Signet", "1.2.3");
    ASSERT_TRUE(text) << text.error().message;
    const auto document = JsonObject::parse(*text);
    ASSERT_TRUE(document) << *text;
    EXPECT_EQ(document->text("openapi").value_or(""), "3.1.0");
    const auto path = document->object("paths")->object("/v1/keys/{label}/sign-batch");
    ASSERT_TRUE(path);
    EXPECT_EQ(path->object("post")->text("operationId").value_or(""), "post_v1_keys_label_sign_batch");
    EXPECT_EQ(path->object("post")->text("x-permission").value_or(""), "keys.sign");
    EXPECT_EQ(path->object("post")->objects("parameters", 9)->at(0).text("name").value_or(""), "label");
    EXPECT_TRUE(path->object("post")->has("requestBody"));
    EXPECT_FALSE(path->object("get")->has("requestBody"));
    sign.request_schema = "{";
    EXPECT_EQ(openapi_document({sign}, "Signet", "1").error().code, ErrorCode::failed_precondition);
}

}  // namespace
}  // namespace signet::api
