#include "base/wire.h"

#include <gtest/gtest.h>

namespace signet {
namespace {

TEST(Wire, RoundTripBigEndian) {
    WireWriter writer;
    writer.number(std::uint8_t{1});
    writer.number(std::uint16_t{0x0203});
    writer.number(std::uint64_t{0x0405060708090a0b});
    writer.text("hi");
    writer.flag(true);
    EXPECT_EQ(writer.buffer(), (Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 0, 0, 2, 'h', 'i', 1}));
    WireReader reader(writer.buffer());
    EXPECT_EQ(reader.number<std::uint8_t>(), 1);
    EXPECT_EQ(reader.number<std::uint16_t>(), 0x0203);
    EXPECT_EQ(reader.number<std::uint64_t>(), 0x0405060708090a0bU);
    EXPECT_EQ(reader.text(2), "hi");
    EXPECT_TRUE(reader.flag());
    EXPECT_TRUE(reader.finished());
}

TEST(Wire, ATruncatedFieldFailsForGood) {
    WireWriter writer;
    writer.text("hello");
    for (std::size_t size = 0; size < writer.size(); ++size) {
        WireReader reader(ByteView(writer.buffer()).first(size));
        EXPECT_EQ(reader.text(100), "");
        EXPECT_FALSE(reader.ok());
        EXPECT_EQ(reader.number<std::uint8_t>(), 0);
        EXPECT_FALSE(reader.finished());
    }
}

TEST(Wire, BoundsAndStrictness) {
    WireWriter writer;
    writer.text("hello");
    WireReader bounded(writer.buffer());
    EXPECT_TRUE(bounded.bytes(4).empty());
    EXPECT_FALSE(bounded.ok());

    const Bytes two{2};
    WireReader flag(two);
    (void)flag.flag();
    EXPECT_FALSE(flag.ok());

    const Bytes rest{1, 9};
    WireReader trailing(rest);
    EXPECT_TRUE(trailing.flag());
    EXPECT_TRUE(trailing.ok());
    EXPECT_FALSE(trailing.finished());
    EXPECT_EQ(trailing.remaining(), 1U);
}

TEST(Wire, PatchesALengthAfterwards) {
    WireWriter writer;
    writer.number(std::uint32_t{0});
    writer.raw(Bytes{1, 2, 3});
    writer.patch_u32(0, 3);
    EXPECT_EQ(writer.take(), (Bytes{0, 0, 0, 3, 1, 2, 3}));
}

}  // namespace
}  // namespace signet
