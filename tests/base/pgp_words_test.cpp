#include "base/pgp_words.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/encoding.h"

namespace signet {
namespace {

// The example that is published with the list: a fingerprint of PGPfone.
TEST(PgpWords, GiveThePublishedExample) {
    const auto bytes = from_hex("E58294F2E9A227486E8B061B31CC528FD7FA3F19").value();
    EXPECT_EQ(
        to_pgp_words(bytes),
        "topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator goldfish Medusa afflict bravado "
        "chatter revolver Dupont midsummer stopwatch whimsical cowbell bottomless");
}

TEST(PgpWords, EveryByteComesBackAtBothPlaces) {
    for (unsigned byte = 0; byte < 256; ++byte) {
        const Bytes bytes{static_cast<std::uint8_t>(byte), static_cast<std::uint8_t>(byte)};
        const auto back = from_pgp_words(to_pgp_words(bytes));
        ASSERT_TRUE(back);
        EXPECT_TRUE(std::ranges::equal(back->view(), bytes));
    }
}

TEST(PgpWords, SayWhichWordIsWrong) {
    EXPECT_NE(from_pgp_words("topmost topmost").error().message.find("word 2 belongs at another place"),
              std::string::npos);
    EXPECT_NE(from_pgp_words("topmost Istanbool").error().message.find("word 2 is not in the word list"),
              std::string::npos);
    EXPECT_TRUE(from_pgp_words("TOPMOST-istanbul\n pluto"));
}

}  // namespace
}  // namespace signet
