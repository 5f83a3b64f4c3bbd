#include "policy/permissions.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace signet::policy {
namespace {

TEST(PermissionsTest, AreOrderedUniqueAndDescribed) {
    const auto all = permissions();
    EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Permission::name));
    EXPECT_EQ(std::ranges::adjacent_find(all, {}, &Permission::name), all.end());
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_FALSE(all[i].description.empty()) << all[i].name;
        EXPECT_NE(all[i].name.find('.'), std::string_view::npos) << all[i].name;
        EXPECT_EQ(permission_index(all[i].name), i);
    }
    EXPECT_FALSE(permission_index("keys.sing"));
}

TEST(PermissionsTest, Patterns) {
    EXPECT_TRUE(permission_matches("keys.sign", "keys.sign"));
    EXPECT_FALSE(permission_matches("keys.sign", "keys.sign2"));
    EXPECT_TRUE(permission_matches("keys.*", "keys.sign"));
    EXPECT_FALSE(permission_matches("keys.*", "keysx.sign"));
    EXPECT_FALSE(permission_matches("key*", "keys.sign"));
    EXPECT_TRUE(permission_matches("*", "keys.sign"));
}

TEST(PermissionsTest, TheNearestName) {
    EXPECT_EQ(nearest_permission("keys.sing"), "keys.sign");
    EXPECT_EQ(nearest_permission("audit.reed"), "audit.read");
}

}  // namespace
}  // namespace signet::policy
