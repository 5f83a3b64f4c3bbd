#include "hsm/frames/messages.h"

#include <gtest/gtest.h>

#include "base/wire.h"
#include "hsm/frames/frame.h"
#include "tests/hsm/frames/samples.h"

namespace signet::frames {
namespace {

using signet::testing::for_each_message;
using signet::testing::sample;
using signet::testing::some_bytes;

// Encoding is injective, so equal bytes mean equal messages; it needs no comparison operators on every type.
TEST(Messages, EveryMessageComesBackAsItWas) {
    for_each_message([]<class Message>() {
        SCOPED_TRACE(__PRETTY_FUNCTION__);
        Bytes encoded{0xEE};
        ASSERT_TRUE(encode(encoded, sample<Message>()));
        const auto message = ByteView(encoded).subspan(1);
        const auto decoded = decode<Message>(message);
        ASSERT_TRUE(decoded) << decoded.error().message;
        Bytes again;
        ASSERT_TRUE(encode(again, *decoded));
        EXPECT_EQ(again, to_bytes(message));
    });
}

TEST(Messages, FieldsKeepTheirPlaces) {
    Bytes encoded;
    ASSERT_TRUE(encode(encoded, sample<SignRequest>()));
    const auto request = decode<SignRequest>(encoded);
    ASSERT_TRUE(request);
    EXPECT_EQ(std::get<KeyId>(request->key), sample<KeyId>());
    EXPECT_EQ(request->algorithm, SignAlgorithm::es256);
    EXPECT_EQ(request->purpose, KeyUsage::certify);
    EXPECT_EQ(request->input, some_bytes(32));
    // Spelled out once: whoever changes the layout must raise kVersion.
    Bytes expected{0,   0, 0, 0, 9, 'd', 'e', 'v', 'i', 'c', 'e', '.', 'c',
                   'a', 0, 0, 0, 7, 7,   0,   2,   0,   0,   0,   32};
    expected.insert(expected.end(), request->input.begin(), request->input.end());
    EXPECT_EQ(encoded, expected);
}

TEST(Messages, EveryCutIsRefused) {
    for_each_message([]<class Message>() {
        SCOPED_TRACE(__PRETTY_FUNCTION__);
        Bytes encoded;
        ASSERT_TRUE(encode(encoded, sample<Message>()));
        for (std::size_t size = 0; size < encoded.size(); ++size)
            EXPECT_FALSE(decode<Message>(ByteView(encoded).first(size))) << size;
        encoded.push_back(0);
        EXPECT_FALSE(decode<Message>(encoded)) << "a byte too many";
    });
}

// Whatever the bytes: no crash, and what is accepted is what would have been sent.
TEST(Messages, EveryFlippedByteIsRefusedOrMeansSomethingElse) {
    for_each_message([]<class Message>() {
        SCOPED_TRACE(__PRETTY_FUNCTION__);
        Bytes encoded;
        ASSERT_TRUE(encode(encoded, sample<Message>()));
        for (std::size_t i = 0; i < encoded.size(); ++i) {
            for (const unsigned bits : {0x01U, 0x80U, 0xFFU}) {
                auto changed = encoded;
                changed[i] = static_cast<std::uint8_t>(changed[i] ^ bits);
                const auto decoded = decode<Message>(changed);
                if (!decoded) continue;
                Bytes again;
                ASSERT_TRUE(encode(again, *decoded));
                EXPECT_EQ(again, changed);
            }
        }
    });
}

TEST(Messages, BoundsHoldInBothDirections) {
    auto request = sample<SignRequest>();
    request.input = Bytes((std::size_t{1} << 20) + 1);
    Bytes encoded{1, 2, 3};
    const auto status = encode(encoded, request);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::too_large);
    EXPECT_EQ(encoded, (Bytes{1, 2, 3}));

    // A count that promises more than the message holds allocates nothing.
    WireWriter writer;
    writer.number(std::uint32_t{99'999});
    const auto keys = decode<std::vector<KeyInfo>>(writer.buffer());
    ASSERT_FALSE(keys);
    EXPECT_EQ(keys.error().code, ErrorCode::invalid_argument);
}

TEST(Messages, UnknownNumbersAreRefused) {
    auto request = sample<SignRequest>();
    request.algorithm = static_cast<SignAlgorithm>(99);
    Bytes encoded;
    EXPECT_FALSE(encode(encoded, request));
    request = sample<SignRequest>();
    request.purpose = static_cast<KeyUsage>(3);  // two usages at once
    EXPECT_FALSE(encode(encoded, request));
    auto info = sample<KeyInfo>();
    info.usages = KeyUsages::from_bits(1 << 15);
    ASSERT_TRUE(encode(encoded, info));
    EXPECT_FALSE(decode<KeyInfo>(encoded));
}

TEST(Messages, LongErrorTextsAreCutBetweenCharacters) {
    Bytes encoded;
    encode_error(encoded, Error{ErrorCode::internal, std::string(4095, 'a') + "\xC3\xA9", "detail", {}});
    const auto error = decode_error(encoded);
    EXPECT_EQ(error.code, ErrorCode::internal);
    EXPECT_EQ(error.message, std::string(4095, 'a'));
    EXPECT_EQ(error.detail, "detail");
    EXPECT_EQ(decode_error(Bytes{1, 2}).code, ErrorCode::internal);
}

TEST(Messages, VersionsAreAgreedOn) {
    EXPECT_EQ(*agree_on_version({kVersion, kVersion, "a"}), kVersion);
    EXPECT_EQ(*agree_on_version({kLowestVersion, kVersion + 5, "a"}), kVersion);
    const auto newer = agree_on_version({kVersion + 1, kVersion + 2, "signetd 9.0"});
    ASSERT_FALSE(newer);
    EXPECT_EQ(newer.error().code, ErrorCode::unsupported);
    EXPECT_NE(newer.error().message.find("signetd 9.0 speaks version 2 to 3"), std::string::npos)
        << newer.error().message;
    EXPECT_FALSE(agree_on_version({0, 0, "a"}));
    EXPECT_FALSE(agree_on_version({5, 1, "a"}));
}

TEST(Messages, PeekFindsTheKeyOfEachRoutedRequest) {
    const auto peeked = [](const auto& request) {
        Bytes encoded;
        EXPECT_TRUE(encode(encoded, request));
        const auto key = peek_key(encoded);
        return key ? std::optional(KeyId{std::string(key->label), key->version}) : std::nullopt;
    };
    EXPECT_EQ(peeked(sample<SignRequest>()), sample<KeyId>());
    EXPECT_EQ(peeked(sample<DecryptRequest>()), sample<KeyId>());
    EXPECT_EQ(peeked(sample<SignBatchRequest>()), std::nullopt);  // a wrapped key
    EXPECT_FALSE(peek_key(Bytes{0, 0, 0, 0, 99}));
}

TEST(Messages, OperationsHaveNames) {
    for (std::uint8_t i = 1; i <= kOperations; ++i)
        EXPECT_FALSE(traits(*operation_from(i)).name.empty());
    EXPECT_FALSE(operation_from(0));
    EXPECT_FALSE(operation_from(kOperations + 1));
}

}  // namespace
}  // namespace signet::frames
