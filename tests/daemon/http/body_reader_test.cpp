#include "daemon/http/body_reader.h"

#include <gtest/gtest.h>

namespace signet::http {
namespace {

using State = BodyReader::State;

struct Outcome {
    State state;
    std::string body;
    std::string rest;
};

Outcome feed_in_pieces(BodyReader reader, std::string_view text, std::size_t piece) {
    Outcome out{State::more, {}, {}};
    while (!text.empty() && out.state == State::more) {
        auto part = text.substr(0, piece);
        const auto size = part.size();
        out.state = reader.feed(part, out.body);
        text.remove_prefix(size - part.size());
    }
    out.rest = text;
    return out;
}

TEST(BodyReader, ReadsByLengthAndLeavesTheRest) {
    for (const std::size_t piece : {1U, 2U, 100U}) {
        const auto out = feed_in_pieces(BodyReader::of_length(5, 5), "helloGET", piece);
        EXPECT_EQ(out.state, State::done);
        EXPECT_EQ(out.body, "hello");
        EXPECT_EQ(out.rest, "GET");
    }
}

TEST(BodyReader, RefusesALengthOverTheLimit) {
    EXPECT_EQ(feed_in_pieces(BodyReader::of_length(6, 5), "x", 1).state, State::too_large);
}

TEST(BodyReader, ReadsChunksHoweverTheyCome) {
    constexpr std::string_view text = "3\r\nhel\r\n2;name=\"value\"\r\nlo\r\n0\r\nTrailer: x\r\n\r\nGET";
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
        const auto out = feed_in_pieces(BodyReader::chunked(5), text, piece);
        ASSERT_EQ(out.state, State::done) << piece;
        EXPECT_EQ(out.body, "hello");
        EXPECT_EQ(out.rest, "GET");
    }
}

TEST(BodyReader, ReadsAnEmptyChunkedBodyByteForByte) {
    const auto out = feed_in_pieces(BodyReader::chunked(5), "0\r\n\r\n", 1);
    EXPECT_EQ(out.state, State::done);
    EXPECT_EQ(out.body, "");
}

TEST(BodyReader, RefusesMalformedChunks) {
    for (const std::string_view text :
         {"\r\n", "g\r\n", " 1\r\na\r\n", "1 \r\na\r\n", "1\na\r\n", "1\r\nab\r\n", "1\r\na\n", "0\r\n\n",
          "0x1\r\na\r\n", "-1\r\n", "1;\x01\r\n", "0\r\nA: \x7F\r\n\r\n"})
        EXPECT_EQ(feed_in_pieces(BodyReader::chunked(100), text, 100).state, State::malformed) << text;
}

TEST(BodyReader, BoundsDataAndFraming) {
    EXPECT_EQ(feed_in_pieces(BodyReader::chunked(5), "3\r\nhel\r\n3\r\n", 100).state, State::too_large);
    EXPECT_EQ(feed_in_pieces(BodyReader::chunked(5), "ffffffffff", 100).state, State::too_large);
    EXPECT_EQ(feed_in_pieces(BodyReader::chunked(5), "1;" + std::string(9000, 'x'), 100).state,
              State::malformed);
    EXPECT_EQ(feed_in_pieces(BodyReader::chunked(5), "0\r\nA: " + std::string(9000, 'x'), 100).state,
              State::malformed);
}

}  // namespace
}  // namespace signet::http
