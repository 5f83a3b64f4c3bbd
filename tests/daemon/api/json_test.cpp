#include "daemon/api/json.h"

#include <gtest/gtest.h>

#include <string>

namespace signet::api {
namespace {

using namespace std::string_literals;

struct Text {
    const char* name;
    std::string text;
};

class Strict : public ::testing::TestWithParam<Text> {};

TEST_P(Strict, IsRefused) {
    const auto parsed = JsonObject::parse(GetParam().text);
    ASSERT_FALSE(parsed);
    EXPECT_TRUE(parsed.error().code == ErrorCode::invalid_argument ||
                parsed.error().code == ErrorCode::too_large);
    EXPECT_FALSE(parsed.error().message.empty());
}

std::string nested(std::size_t depth) {
    return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

std::string members(std::size_t count) {
    std::string out = "{";
    for (std::size_t i = 0; i < count; ++i)
        out += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
    return out + "}";
}

INSTANTIATE_TEST_SUITE_P(
    Json, Strict,
    ::testing::Values(
        Text{"nothing", ""}, Text{"blank", " \n"}, Text{"half", R"({"a":1)"}, Text{"half_text", R"({"a":"b)"},
        Text{"array", "[]"}, Text{"text", R"("a")"}, Text{"number", "1"}, Text{"null", "null"},
        Text{"two", "{}{}"}, Text{"after", "{} x"}, Text{"nul_after", "{}\0"s},
        Text{"twice", R"({"a":1,"a":1})"}, Text{"twice_escaped", R"({"a":1,"\u0061":2})"},
        Text{"twice_deep", R"({"x":[{"a":1,"b":2,"a":3}]})"}, Text{"twice_around", R"({"a":{"a":1},"a":2})"},
        Text{"trailing_comma", R"({"a":1,})"}, Text{"comment", "{/* */}"}, Text{"single_quotes", "{'a':1}"},
        Text{"bare_name", "{a:1}"}, Text{"nan", R"({"a":NaN})"}, Text{"infinity", R"({"a":Infinity})"},
        Text{"leading_zero", R"({"a":01})"}, Text{"plus", R"({"a":+1})"}, Text{"hex", R"({"a":0x1})"},
        Text{"raw_newline", "{\"a\":\"\n\"}"}, Text{"raw_nul", "{\"a\":\"\0\"}"s},
        Text{"bad_escape", R"({"a":"\x"})"}, Text{"not_utf8", "{\"a\":\"\xFF\"}"},
        Text{"overlong", "{\"a\":\"\xC0\x80\"}"}, Text{"surrogate_bytes", "{\"a\":\"\xED\xA0\x80\"}"},
        Text{"lone_surrogate", R"({"a":"\ud800"})"}, Text{"bom", "\xEF\xBB\xBF{}"},
        Text{"too_deep", nested(32)}, Text{"very_deep", nested(100'000)}, Text{"too_many", members(257)},
        Text{"long_name", "{\"" + std::string(257, 'a') + "\":1}"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(Json, TakesWhatIsJson) {
    EXPECT_TRUE(JsonObject::parse(" {} \r\n\t"));
    EXPECT_TRUE(JsonObject::parse(nested(31)));
    EXPECT_TRUE(JsonObject::parse(members(256)));
    EXPECT_TRUE(JsonObject::parse(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]})"));
    EXPECT_TRUE(JsonObject::parse(R"({"a":"\ud83d\ude00 ä"})"));
}

TEST(Json, NamesTheMemberThatIsWrong) {
    const auto object = JsonObject::parse(
        R"({"text":"t","number":3,"float":1.5,"big":9223372036854775808,"null":null,"yes":true,
        "data":"aGk=","bad":"aGk","object":{"inner":1},"list":["a",1],"items":[{"x":1},{"x":"y"}]})");
    ASSERT_TRUE(object) << object.error().message;
    const auto message = [](const auto& result) {
        return result ? std::string("fine") : result.error().message;
    };

    EXPECT_EQ(object->text("text").value_or(""), "t");
    EXPECT_EQ(message(object->text("number")), "number: expected text");
    EXPECT_EQ(message(object->text("absent")), "absent is missing; expected text");
    EXPECT_EQ(message(object->text("null")), "null is missing; expected text");
    EXPECT_EQ(object->text("text", 0).error().code, ErrorCode::too_large);
    EXPECT_EQ(object->integer("number", 1, 3).value_or(0), 3);
    EXPECT_EQ(message(object->integer("number", 4, 5)), "number: expected an integer from 4 to 5");
    EXPECT_FALSE(object->integer("float", 0, 9));
    EXPECT_FALSE(object->integer("big", 0, std::numeric_limits<std::int64_t>::max()));
    EXPECT_FALSE(object->integer("text", 0, 9));
    EXPECT_TRUE(object->boolean("yes").value_or(false));
    EXPECT_FALSE(object->boolean("number"));
    EXPECT_EQ(object->base64("data", 2).value_or(Bytes{}), to_bytes("hi"));
    EXPECT_EQ(object->base64("data", 1).error().code, ErrorCode::too_large);
    EXPECT_NE(message(object->base64("bad", 10)).find("bad: expected base64"), std::string::npos);
    EXPECT_EQ(object->object("object")->integer("inner", 0, 9).value_or(0), 1);
    EXPECT_EQ(message(object->object("object")->text("inner")), "object.inner: expected text");
    EXPECT_EQ(message(object->texts("list", 9)), "list[1]: expected text");
    EXPECT_EQ(object->texts("list", 1).error().code, ErrorCode::too_large);
    const auto items = object->objects("items", 2);
    ASSERT_TRUE(items);
    EXPECT_EQ(message((*items)[0].text("x")), "items[0].x: expected text");
    EXPECT_EQ((*items)[1].text("x").value_or(""), "y");
    EXPECT_FALSE(object->optional_text("null")->has_value());
    EXPECT_FALSE(object->optional_integer("absent", 0, 1)->has_value());
    EXPECT_FALSE(object->optional_text("number"));
    EXPECT_EQ(message(object->object("object")->only({"a", "b"})),
              "object.inner: unknown member; allowed here: a, b");
    EXPECT_TRUE(object->object("object")->only({"inner"}));
    EXPECT_EQ(object->serialized("object").value_or(""), R"({"inner":1})");
}

TEST(Json, ObjectsOutliveTheirDocument) {
    std::optional<JsonObject> inner;
    {
        const auto document =
            JsonDocument::parse(R"({"a":{"text":"a text that is longer than a small string is"}})");
        inner = *document->object()->object("a");
    }
    EXPECT_EQ(inner->text("text").value_or(""), "a text that is longer than a small string is");
}

TEST(JsonWriter, WritesWhatTheParserReads) {
    JsonWriter json;
    json.begin_object();
    json.member("text", "quote \" backslash \\ newline \n tab \t nul-free \x7F \u00e4\U0001F600");
    json.member("bad", std::string_view("\xFF|\xC3"));
    json.member("min", std::numeric_limits<std::int64_t>::min());
    json.member("max", std::numeric_limits<std::uint64_t>::max());
    json.member("yes", true);
    json.key("nothing");
    json.null();
    json.member_base64("data", to_bytes("hi"));
    json.key("list");
    json.begin_array();
    json.number(1);
    json.begin_object();
    json.end_object();
    json.text("");
    json.begin_array();
    json.end_array();
    json.end_array();
    json.member_raw("raw", R"({"a":[1,2]})");
    json.end_object();
    const auto text = json.take();
    const auto object = JsonObject::parse(text);
    ASSERT_TRUE(object) << text << object.error().message << object.error().detail;
    EXPECT_EQ(object->text("text").value_or(""),
              "quote \" backslash \\ newline \n tab \t nul-free \x7F \u00e4\U0001F600");
    EXPECT_EQ(object->text("bad").value_or(""), "\uFFFD|\uFFFD");
    EXPECT_EQ(object->base64("data", 2).value_or(Bytes{}), to_bytes("hi"));
    EXPECT_EQ(object->serialized("list").value_or(""), R"([1,{},"",[]])");
    EXPECT_EQ(object->serialized("raw").value_or(""), R"({"a":[1,2]})");
    EXPECT_EQ(object->serialized("max").value_or(""), "18446744073709551615");
}

}  // namespace
}  // namespace signet::api
