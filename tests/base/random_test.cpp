#include "base/random.h"

#include <gtest/gtest.h>

#include <set>

namespace signet {
namespace {

TEST(Random, SizesAndNoRepetition) {
    EXPECT_TRUE(random_bytes(0).empty());
    std::set<Bytes> seen;
    for (int i = 0; i < 1000; ++i)
        EXPECT_TRUE(seen.insert(random_bytes(16)).second);
}

TEST(Random, UuidIsVersion4) {  // RFC 9562 section 5.4
    for (int i = 0; i < 100; ++i) {
        const auto id = random_uuid();
        ASSERT_EQ(id.size(), 36U);
        for (const std::size_t dash : {8U, 13U, 18U, 23U})
            EXPECT_EQ(id[dash], '-');
        EXPECT_EQ(id[14], '4');
        EXPECT_NE(std::string_view("89ab").find(id[19]), std::string_view::npos);
        EXPECT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos);
    }
}

TEST(Random, IdIsBase64Url) {
    const auto id = random_id();
    EXPECT_EQ(id.size(), 22U);
    EXPECT_EQ(id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
}

}  // namespace
}  // namespace signet
