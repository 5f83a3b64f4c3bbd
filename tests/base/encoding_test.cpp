#include "base/encoding.h"

#include <gtest/gtest.h>

namespace signet {
namespace {

TEST(Hex, RoundTripAndCase) {
    EXPECT_EQ(to_hex(Bytes{0x00, 0x9f, 0xff}), "009fff");
    EXPECT_EQ(from_hex("009FfF").value(), (Bytes{0x00, 0x9f, 0xff}));
    EXPECT_TRUE(from_hex("").value().empty());
}

TEST(Hex, RefusesOddAndForeign) {
    for (const char* text : {"0", "0g", "0x00", "00 ", " 00", "0\n"}) {
        const auto result = from_hex(text);
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    }
}

// RFC 4648 section 10.
TEST(Base64, TestVectorsOfTheRfc) {
    const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : vectors) {
        EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
        EXPECT_EQ(as_text(from_base64(encoded).value()), plain);
    }
}

TEST(Base64, EachAlphabetRefusesTheOther) {
    const Bytes bytes{0xfb, 0xff, 0xfe};
    EXPECT_EQ(to_base64(bytes), "+//+");
    EXPECT_EQ(to_base64url(bytes), "-__-");
    EXPECT_FALSE(from_base64("-__-"));
    EXPECT_FALSE(from_base64url("+//+"));
    EXPECT_EQ(from_base64url("-__-").value(), bytes);
}

TEST(Base64, IsStrict) {
    // Length, padding in the wrong place, white space, stray bits (RFC 4648 section 3.5).
    for (const char* text : {"Zg", "Zg=", "Zg===", "====", "Z===", "Zm9v=", "Zm=v", "Zm9v\n", " Zm9",
                             "Zh==", "Zm9=", "Zg==Zg=="})
        EXPECT_FALSE(from_base64(text)) << text;
    for (const char* text : {"Zg==", "Zh", "A", "Zm9v "})
        EXPECT_FALSE(from_base64url(text)) << text;
    EXPECT_EQ(as_text(from_base64url("Zg").value()), "f");
}

TEST(Base64, WrappedAcceptsLineBreaks) {
    EXPECT_EQ(as_text(from_base64_wrapped("Zm9v\r\nYmFy\n").value()), "foobar");
    EXPECT_FALSE(from_base64_wrapped("Zm9v\fYmFy"));
}

TEST(Base64, RoundTripOfEveryLength) {
    Bytes bytes;
    for (unsigned i = 0; i < 300; ++i) {
        EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
        EXPECT_EQ(from_base64url(to_base64url(bytes)).value(), bytes);
        bytes.push_back(static_cast<std::uint8_t>(i * 37));
    }
}

TEST(Utf8, WellFormed) {
    for (const char* text :
         {"", "plain", "\xC2\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
        EXPECT_TRUE(is_utf8(text)) << text;
}

TEST(Utf8, RefusesOverlongSurrogatesAndTruncation) {
    for (const char* text : {"\x80", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80",
                             "\xEF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"})
        EXPECT_FALSE(is_utf8(text)) << text;
}

}  // namespace
}  // namespace signet
