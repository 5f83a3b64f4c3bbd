#include "daemon/api/mypos/message.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace signet::api::mypos {
namespace {

std::string plain(const Message& message) {
    return std::string(as_text(from_base64(canonical(message)).value()));
}

TEST(MyposMessage, AFormIsSignedInTheOrderSent) {
    const auto message = read_form(
        "IPCmethod=IPCPurchase&Amount=23.45&Note=a+b%26c&Empty=&signature=AAAA&SID=000000000000010");
    ASSERT_TRUE(message) << message.error().message;
    EXPECT_EQ(plain(*message), "IPCPurchase-23.45-a b&c--000000000000010");
    EXPECT_EQ(message->signature, "AAAA");
    EXPECT_EQ(*message->find("sid"), "000000000000010");
    const auto other = read_form("Amount=23.45&IPCmethod=IPCPurchase");
    EXPECT_EQ(plain(*other), "23.45-IPCPurchase");
    // The same name twice is two values.
    EXPECT_EQ(plain(*read_form("a=1&a=2")), "1-2");
    EXPECT_EQ(plain(*read_form("a=")), "");
}

TEST(MyposMessage, JsonIsSignedInTheOrderWrittenAndDepthFirst) {
    const auto pairs =
        read_json(R"([["b","1"],["a",2],["Signature","AAAA"],["c",["3",{"x":"4","Signature":"5"}]]])");
    ASSERT_TRUE(pairs) << pairs.error().message;
    EXPECT_EQ(plain(*pairs), "1-2-3-4-5");
    EXPECT_EQ(pairs->signature, "AAAA");
    const auto object =
        read_json(R"({"Status":"0","Cart":{"Items":[{"n":"x","p":"1.10"},{"n":"y","p":"2.00"}]},"End":"z"})");
    ASSERT_TRUE(object);
    EXPECT_EQ(plain(*object), "0-x-1.10-y-2.00-z");
    EXPECT_FALSE(object->signature);
}

TEST(MyposMessage, RefusesWhatHasNoOneMeaning) {
    for (const std::string wrong :
         {R"([["a",1.10]])", R"([["a",true]])", R"([["a",null]])", R"([["a"]])", R"([["a","b","c"]])",
          R"([[1,"b"]])", R"(["a","b"])", R"("a")", R"([["Signature","x"],["SIGNATURE","y"]])",
          R"([["Signature",["x"]]])", R"({"a":"1","a":"2"})", "nonsense", ""})
        EXPECT_FALSE(read_json(wrong)) << wrong;
    for (const std::string wrong : {"a", "a=1&", "=1", "a=%zz", "Signature=x&signature=y", "a=%00"})
        EXPECT_FALSE(read_form(wrong)) << wrong;
    std::string many = "f=1";
    for (std::size_t i = 0; i < kMaxFields + 1; ++i)
        many += "&f=1";
    EXPECT_FALSE(read_form(many));
    EXPECT_FALSE(read_form("a=" + std::string(kMaxMessage, 'x')));
    EXPECT_FALSE(read_json(std::string(kMaxMessage + 1, ' ')));
}

TEST(MyposMessage, HtmlEntitiesAreReplacedOnceAndOnlyKnownOnes) {
    EXPECT_EQ(html_unescaped("a &amp; b &lt;c&gt; &quot;d&quot; &apos;e&#039;&#x27;"),
              "a & b <c> \"d\" 'e''");
    EXPECT_EQ(html_unescaped("&amp;lt;"), "&lt;");
    EXPECT_EQ(html_unescaped("&#8364;&#x1F600;"), "\u20ac\U0001F600");
    for (const std::string same : {"", "&", "&;", "a&b", "&nbsp;", "&#;", "&#x;", "&#xD800;", "&#1114112;",
                                   "&#0;", "&#99999999999999;", "& amp;", "&amp"})
        EXPECT_EQ(html_unescaped(same), same);
    const auto escaped = read_form("Note=Fish+%26amp%3B+Chips");
    EXPECT_EQ(plain(*escaped), "Fish &amp; Chips");
    EXPECT_EQ(as_text(from_base64(canonical_unescaped(*escaped).value()).value()), "Fish & Chips");
    EXPECT_FALSE(canonical_unescaped(*read_form("Note=Fish")));
}

}  // namespace
}  // namespace signet::api::mypos
