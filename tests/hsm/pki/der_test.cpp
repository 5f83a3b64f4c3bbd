#include "hsm/pki/der.h"

#include <gtest/gtest.h>

namespace signet::pki {
namespace {

TEST(Der, WritesLengthsInTheFewestBytes) {
    EXPECT_EQ(der_element(0x04, Bytes(3, 7)), (Bytes{0x04, 3, 7, 7, 7}));
    EXPECT_EQ(der_element(0x04, Bytes(127, 0)).size(), 129U);
    EXPECT_EQ(der_element(0x04, Bytes(128, 0))[1], 0x81);
    const auto large = der_element(0x04, Bytes(65536, 0));
    EXPECT_EQ((Bytes{large.begin(), large.begin() + 5}), (Bytes{0x04, 0x83, 1, 0, 0}));
    EXPECT_TRUE(check_der(large, "thing"));
}

TEST(Der, IntegersAreUnsigned) {
    EXPECT_EQ(der_unsigned({}), (Bytes{2, 1, 0}));
    EXPECT_EQ(der_unsigned(Bytes{0, 0, 5}), (Bytes{2, 1, 5}));
    EXPECT_EQ(der_unsigned(Bytes{0x80}), (Bytes{2, 2, 0, 0x80}));
}

TEST(Der, SetsAreSorted) {
    EXPECT_EQ(der_set_of(0x31, {{2, 1, 9}, {2, 1, 1}}), (Bytes{0x31, 6, 2, 1, 1, 2, 1, 9}));
}

TEST(Der, RefusesWhatIsNotDer) {
    EXPECT_TRUE(check_der(Bytes{0x30, 0}, "thing"));
    EXPECT_TRUE(check_der(Bytes{0x30, 3, 2, 1, 5}, "thing"));
    const Bytes bad[] = {
        {},
        {0x30},
        {0x30, 1},
        {0x30, 0, 0},
        {0x30, 0x80, 0, 0},           // indefinite length
        {0x30, 0x81, 3, 2, 1, 5},     // a length that needs no second byte
        {0x30, 0x82, 0, 0x80},        // leading zero
        {0x30, 0x85, 1, 0, 0, 0, 0},  // five bytes
        {0x30, 3, 2, 2, 5},           // an inner element past the outer's end
        {0x3f, 1, 0},                 // high tag number
    };
    for (const auto& input : bad)
        EXPECT_FALSE(check_der(input, "thing"));
    Bytes deep{0x30, 0};
    for (int i = 0; i < 40; ++i)
        deep = der_element(0x30, deep);
    EXPECT_FALSE(check_der(deep, "thing"));
}

}  // namespace
}  // namespace signet::pki
