#include "daemon/http/form.h"

#include <gtest/gtest.h>

namespace signet::http {
namespace {

TEST(Form, KeepsOrderAndRepetition) {
    const auto form = Form::parse("b=2&a=1&b=%C3%A4+%2B&empty=");
    ASSERT_TRUE(form) << form.error().message;
    const std::vector<std::pair<std::string, std::string>> expected = {
        {"b", "2"}, {"a", "1"}, {"b", "\u00e4 +"}, {"empty", ""}};
    EXPECT_EQ(form->fields(), expected);
    EXPECT_EQ(form->count("b"), 2U);
    EXPECT_EQ(*form->find("b"), "2");
    EXPECT_EQ(form->find("c"), nullptr);
    EXPECT_EQ(form->required("a").value_or(""), "1");
    EXPECT_FALSE(form->required("b"));
    EXPECT_FALSE(form->required("c"));
    EXPECT_TRUE(Form::parse("")->fields().empty());
}

TEST(Form, RefusesWhatIsNotAForm) {
    using namespace std::string_view_literals;
    for (const auto text : {"a"sv, "=1"sv, "a=1&"sv, "&a=1"sv, "a=1&&b=2"sv, "a=%"sv, "a=%4"sv, "a=%zz"sv,
                            "a=%00"sv, "a=%ff"sv, "a=\x01"sv, "a= b"sv, "a=\n"sv, "a\0=1"sv}) {
        const auto form = Form::parse(text);
        ASSERT_FALSE(form) << text;
        EXPECT_EQ(form.error().code, ErrorCode::invalid_argument) << text;
    }
}

TEST(Form, HoldsItsBounds) {
    const FormLimits limits{.fields = 2, .name_bytes = 3, .value_bytes = 4};
    EXPECT_TRUE(Form::parse("abc=1234&b=1", limits));
    for (const std::string_view text :
         {"a=1&b=2&c=3", "abcd=1", "a=12345", "a=%31%31%31%31%31", "a=%31%31%31%31%31%31%31%31"}) {
        const auto form = Form::parse(text, limits);
        ASSERT_FALSE(form) << text;
        EXPECT_EQ(form.error().code, ErrorCode::too_large) << text;
    }
}

TEST(Percent, RoundTrips) {
    const std::string text = "a/b c%+\u00e4~";
    EXPECT_EQ(percent_encode(text), "a%2Fb%20c%25%2B%C3%A4~");
    EXPECT_EQ(percent_decode(percent_encode(text)).value_or(""), text);
    EXPECT_EQ(percent_decode("a+b").value_or(""), "a+b");
    EXPECT_FALSE(percent_decode("%f"));
    EXPECT_FALSE(percent_decode("%g0"));
}

}  // namespace
}  // namespace signet::http
