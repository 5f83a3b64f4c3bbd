#include "daemon/http/basic.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace signet::http {
namespace {

std::string basic(std::string_view text) {
    return "Basic " + to_base64(as_bytes(text));
}

TEST(Basic, ReadsUserAndPassword) {
    // RFC 7617 sections 2 and 2.1.
    const auto aladdin = parse_basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    ASSERT_TRUE(aladdin);
    EXPECT_EQ(aladdin->user, "Aladdin");
    EXPECT_EQ(aladdin->password.text(), "open sesame");
    const auto pound = parse_basic("bAsIc   dGVzdDoxMjPCow==");
    ASSERT_TRUE(pound);
    EXPECT_EQ(pound->password.text(), "123\u00a3");
    EXPECT_EQ(parse_basic(basic("a:b:c"))->password.text(), "b:c");
    EXPECT_TRUE(parse_basic(basic(std::string(256, 'u') + ":" + std::string(256, 'p'))));
}

TEST(Basic, RefusesEverythingElse) {
    for (const auto& value :
         {std::string(), std::string("Basic"), std::string("Basic "), std::string("Bearer abc"),
          std::string("Basic:abc"), std::string("BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
          std::string("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ"), std::string("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ== "),
          std::string("Basic QWxh ZGRpbjpvcGVuIHNlc2FtZQ=="), basic("nocolon"), basic(":password"),
          basic("user:"), basic("a\n:b"), basic("a:b\x7f"), basic("a:\xff"), basic(std::string("a:b\0c", 5)),
          basic(std::string(257, 'u') + ":p"), basic("u:" + std::string(257, 'p')),
          basic(std::string(100'000, 'u'))})
        EXPECT_FALSE(parse_basic(value)) << value.substr(0, 60);
}

TEST(Bearer, ReadsAToken) {
    EXPECT_EQ(parse_bearer("Bearer abc.DEF-_~+/1=="), "abc.DEF-_~+/1==");
    EXPECT_EQ(parse_bearer("bearer  x"), "x");
    EXPECT_TRUE(parse_bearer("Bearer " + std::string(8192, 'a')));
    for (const std::string value : {"", "Bearer", "Bearer ", "Bearer =", "Bearer a b", "Bearer a=b",
                                    "Bearer a\xff", "Basic abc", "Bearer\tabc"})
        EXPECT_FALSE(parse_bearer(value)) << value;
    EXPECT_FALSE(parse_bearer("Bearer " + std::string(8193, 'a')));
}

TEST(Authorization, IsOneFieldOrNone) {
    Headers headers;
    EXPECT_EQ(authorization_of(headers), "");
    headers.add("authorization", "Bearer a");
    EXPECT_EQ(authorization_of(headers), "Bearer a");
    headers.add("Authorization", "Bearer b");
    EXPECT_EQ(authorization_of(headers), "");
}

}  // namespace
}  // namespace signet::http
