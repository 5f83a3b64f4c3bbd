#include "base/secret.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace signet {
namespace {

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>,
              "a copy must be meant");

TEST(Secret, MovesAndClones) {
    Secret pin = Secret::copy_of("0000-pin");
    const Secret copy = pin.clone();
    Secret moved = std::move(pin);
    EXPECT_EQ(moved.text(), "0000-pin");
    EXPECT_EQ(copy.text(), "0000-pin");
    EXPECT_TRUE(
        pin.empty());  // NOLINT(bugprone-use-after-move): the state after a move is part of the promise
    moved = Secret::copy_of("x");
    EXPECT_EQ(moved.text(), "x");
}

TEST(Secret, TruncateWipesTheRest) {
    Secret secret = Secret::copy_of("abcdef");
    const std::uint8_t* data = secret.data();
    secret.truncate(2);
    EXPECT_EQ(secret.text(), "ab");
    for (int i = 2; i < 6; ++i)
        EXPECT_EQ(data[i], 0);
    secret.truncate(9);  // never grows
    EXPECT_EQ(secret.size(), 2U);
}

TEST(Secret, StartsZeroedAndClears) {
    Secret secret(64);
    for (const auto byte : secret.view())
        EXPECT_EQ(byte, 0);
    secret.clear();
    EXPECT_TRUE(secret.empty());
    EXPECT_EQ(Secret(0).size(), 0U);
}

TEST(Secret, WipeOverwrites) {
    Bytes bytes(16, 0xAA);
    wipe(bytes);
    EXPECT_EQ(bytes, Bytes(16, 0));
    std::string text = "password";
    wipe(text);
    EXPECT_EQ(text, std::string(8, '\0'));
}

}  // namespace
}  // namespace signet
