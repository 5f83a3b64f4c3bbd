#include "base/bytes.h"

#include <gtest/gtest.h>

namespace signet {
namespace {

TEST(Bytes, ConvertBothWays) {
    const Bytes bytes = to_bytes(std::string_view("a\0b", 3));
    EXPECT_EQ(bytes, (Bytes{'a', 0, 'b'}));
    EXPECT_EQ(as_text(bytes), std::string_view("a\0b", 3));
    EXPECT_TRUE(to_bytes(std::string_view{}).empty());
}

TEST(Bytes, ConstantTimeComparisonSeesEveryByteAndTheLength) {
    const Bytes key(32, 0x5A);
    EXPECT_TRUE(equal_constant_time(key, Bytes(key)));
    for (std::size_t i = 0; i < key.size(); ++i) {
        Bytes other = key;
        other[i] ^= 1;
        EXPECT_FALSE(equal_constant_time(key, other)) << "byte " << i;
    }
    EXPECT_FALSE(equal_constant_time(key, Bytes(31, 0x5A)));
    EXPECT_FALSE(equal_constant_time(key, {}));
    EXPECT_TRUE(equal_constant_time({}, {}));
}

}  // namespace
}  // namespace signet
