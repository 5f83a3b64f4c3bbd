#include "policy/glob.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace signet::policy {
namespace {

// The definition, spelt out.
bool naive(std::string_view pattern, std::string_view text, char separator, bool within) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*') {
        if (naive(pattern.substr(1), text, separator, within)) return true;
        return !text.empty() && !(within && text[0] == separator) &&
               naive(pattern, text.substr(1), separator, within);
    }
    return !text.empty() && pattern[0] == text[0] &&
           naive(pattern.substr(1), text.substr(1), separator, within);
}

TEST(GlobTest, Examples) {
    EXPECT_TRUE(glob_match("document.*", "document.2024.q1"));
    EXPECT_FALSE(glob_match("document.*", "document"));
    EXPECT_TRUE(glob_match("document*", "document"));
    EXPECT_TRUE(glob_match("*", ""));
    EXPECT_TRUE(glob_match("", ""));
    EXPECT_FALSE(glob_match("", "a"));
    EXPECT_TRUE(glob_match("*.ca", "device.ca"));
    EXPECT_FALSE(glob_match("*.ca", "device.ca.old"));
    EXPECT_FALSE(glob_match("Document", "document"));
    EXPECT_TRUE(glob_match("device-*", "device-*"));
    EXPECT_FALSE(glob_match("a?c", "abc")) << "only * is special";
}

TEST(GlobTest, WithinASeparator) {
    EXPECT_TRUE(glob_match_within("*.example", "a.example", '.'));
    EXPECT_FALSE(glob_match_within("*.example", "a.b.example", '.'));
    EXPECT_TRUE(glob_match_within("*.*.example", "a.b.example", '.'));
}

TEST(GlobTest, AlternativeNames) {
    EXPECT_TRUE(san_match("dns:pay.example", "dns:PAY.Example"));
    EXPECT_TRUE(san_match("dns:*.pay.example", "dns:a.pay.example"));
    EXPECT_FALSE(san_match("dns:*.pay.example", "dns:a.b.pay.example"));
    EXPECT_FALSE(san_match("dns:*.pay.example", "dns:pay.example"));
    EXPECT_FALSE(san_match("dns:*", "uri:x"));
    EXPECT_FALSE(san_match("*", "dns:x")) << "the kind is always spelt out";
    EXPECT_TRUE(san_match("uri:spiffe://prod/*", "uri:spiffe://prod/signer"));
    EXPECT_FALSE(san_match("uri:spiffe://prod/*", "uri:spiffe://prod/a/b"));
    EXPECT_FALSE(san_match("uri:spiffe://prod", "uri:SPIFFE://prod"));
    EXPECT_TRUE(san_match("email:*@pay.example", "email:ops@pay.example"));
    EXPECT_FALSE(san_match("email:*@pay.example", "email:ops@evil@pay.example"));
    EXPECT_FALSE(san_match("dns:x", "dns:"));
    EXPECT_FALSE(san_match("", ""));
}

TEST(GlobTest, AgreesWithTheDefinition) {
    std::mt19937 random(1);
    const auto text = [&](std::string_view alphabet, std::size_t max) {
        std::string out(random() % (max + 1), ' ');
        for (auto& c : out)
            c = alphabet[random() % alphabet.size()];
        return out;
    };
    int matches = 0;
    for (int i = 0; i < 300'000; ++i) {
        const auto pattern = text("ab.*", 7);
        const auto subject = text("ab.", 9);
        ASSERT_EQ(glob_match(pattern, subject), naive(pattern, subject, '.', false))
            << pattern << " " << subject;
        ASSERT_EQ(glob_match_within(pattern, subject, '.'), naive(pattern, subject, '.', true))
            << pattern << " " << subject;
        matches += glob_match_within(pattern, subject, '.') ? 1 : 0;
    }
    EXPECT_GT(matches, 1000);
}

TEST(GlobTest, ManyStarsTakeNoTime) {
    std::string pattern;
    for (int i = 0; i < 100; ++i)
        pattern += "*a";
    EXPECT_FALSE(glob_match(pattern + "b", std::string(2000, 'a')));
}

}  // namespace
}  // namespace signet::policy
