#include "daemon/paycontrol/codes.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/encoding.h"
#include "daemon/paycontrol/tlv.h"

namespace signet::paycontrol {
namespace {

// From PayControl's documentation: the user key that the answer of Check CMS Signature shows, and the transaction whose CMS
// callback it prints. The code was checked against OpenSSL and Python's hmac.
constexpr std::string_view kKey =
    "750230565d54755b3d2c160411216a5d6b796b59681441456a2e21727b1a0736606532406a16181d706408052076410b22001b53"
    "251f5c3c395d7657530e3c37";
constexpr std::string_view kText = "Перевод средств на счёт №213154254 на сумму 12000 рублей";
constexpr std::string_view kBinary = "Hello World!!!";
constexpr std::string_view kUser = "rest-api-test-926c3ecf-a683-4510-be0d-d1d9d40ddead";
constexpr std::int64_t kCheckTime = 1597324289;
constexpr std::string_view kTlv =
    "1100000069d09fd0b5d180d0b5d0b2d0bed0b420d181d180d0b5d0b4d181d182d0b220d0bdd0b020d181d187d191d18220e28496"
    "3"
    "2313331353432353420d0bdd0b020d181d183d0bcd0bcd18320313230303020d180d183d0b1d0bbd0b5d0b948656c6c6f20576f7"
    "2"
    "6c642121211200000032726573742d6170692d746573742d39323663336563662d613638332d343531302d626530642d64316439"
    "6"
    "43430646465616414000000038768"
    "27";
constexpr std::string_view kCode = "9add6ffbafe8afcfa94644739ea9ada9fd08d233a3d32d37f1405ddb7019572a";

Covered reference() {
    return {.text = kText, .binary = as_bytes(kBinary), .user_id = kUser};
}

Bytes reference_bytes(std::uint64_t step) {
    return tlv(reference(), step);
}

Bytes hmac_sha256(ByteView key, ByteView data) {
    Bytes mac(32);
    unsigned size = 32;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), mac.data(), &size);
    return mac;
}

// The first half of the key makes codes.
Result<Bytes> reference_mac(const Bytes& data) {
    const auto key = from_hex(kKey).value();
    return hmac_sha256(ByteView(key).first(32), data);
}

TEST(Tlv, IsThatOfTheDocument) {
    EXPECT_EQ(to_hex(tlv(reference(), time_step(kCheckTime, 180))), kTlv);
}

TEST(Tlv, HoldsWhatIsThereInOrder) {
    const Bytes binary{0x00, 0xFF};
    const Covered covered{
        .text = "text", .binary = binary, .user_id = "u", .fingerprint = "ffff", .snippet = "snip"};
    EXPECT_EQ(to_hex(tlv(covered, 256, DeclineReason::wrong_data)),
              "11000000067465787400ff12000000017513000000046666666614000000020100"
              "1500000004736e6970160000000102");
    EXPECT_EQ(to_hex(tlv({}, 0)), "1100000000140000000100");
    EXPECT_NE(tlv(covered, 256, DeclineReason::wrong_data), tlv(covered, 256, DeclineReason::not_authorized));
}

TEST(Tlv, DataHashIsThatOfTheDocument) {
    EXPECT_EQ(to_hex(data_hash(kText, {})),
              "8165423c30be38c6f343bf56e09f40c510aa63f7abeb6b9b409ce5cb58483a2d");
    EXPECT_EQ(to_hex(data_hash(kText, as_bytes(kBinary))),
              "db22e465448edce1ccff51572f3702864fdf0a3e58c30ff9f5b5940b85843e67");
}

TEST(Codes, TheFullCodeIsThatOfTheDocument) {
    EXPECT_EQ(make_code(kFullCode, kCheckTime, 180, reference_bytes, reference_mac).value(), kCode);
}

// Computed with Python from the same MAC.
TEST(Codes, ShortCodesTruncateTheSameMac) {
    const auto mac = from_hex(kCode).value();
    EXPECT_EQ(short_code(mac, 6), "427945");
    EXPECT_EQ(short_code(mac, 7), "8427945");
    EXPECT_EQ(short_code(mac, 8), "48427945");
    EXPECT_EQ(short_code(mac, 9), "501085448");
    EXPECT_EQ(short_code(mac, 10), "8501085448");
}

// RFC 4226 appendix D, through the truncation alone: its HMAC-SHA-1 values, lengthened so that the last nibble stays last.
TEST(Codes, ShortCodesAreThoseOfRfc4226) {
    const std::pair<const char*, const char*> vectors[] = {
        {"cc93cf18508d94934c64b65d8ba7667fb7cde4b0", "755224"},
        {"75a48a19d4cbe100644e8ac1397eea747a2d33ab", "287082"},
        {"0bacb7fa082fef30782211938bc1c5e70416ff44", "359152"},
        {"66c28227d03a2d5529262ff016a1e6ef76557ece", "969429"}};
    for (const auto& [hex, code] : vectors)
        EXPECT_EQ(short_code(from_hex(hex).value(), 6), code);
}

TEST(Codes, AreRightInTheirStepAndItsNeighbours) {
    for (const std::uint32_t length : {6U, 7U, 8U, 9U, 10U, 64U}) {
        const auto code = make_code(length, kCheckTime, 180, reference_bytes, reference_mac).value();
        ASSERT_EQ(code.size(), length);
        const auto step = time_step(kCheckTime, 180);
        for (const int away : {-1, 0, 1}) {
            const auto found =
                matching_step(code, kCheckTime + away * 180, 180, reference_bytes, reference_mac).value();
            EXPECT_EQ(found, std::optional(step)) << length << " " << away;
        }
        for (const int away : {-2, 2})
            EXPECT_FALSE(
                matching_step(code, kCheckTime + away * 180, 180, reference_bytes, reference_mac).value())
                << length << " " << away;
    }
}

TEST(Codes, HexIsTakenInEitherCase) {
    std::string upper(kCode);
    for (auto& c : upper)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_TRUE(matching_step(upper, kCheckTime, 180, reference_bytes, reference_mac).value());
}

TEST(Codes, WhatIsNoCodeIsNotAskedForAtTheToken) {
    const MacFunction never = [](const Bytes&) -> Result<Bytes> {
        ADD_FAILURE() << "the token was asked";
        return fail(ErrorCode::internal, "");
    };
    for (const std::string_view code : {"", "12345", "12345678901", "12345a", "-12345", " 123456"})
        EXPECT_FALSE(matching_step(code, kCheckTime, 180, reference_bytes, never).value()) << code;
    EXPECT_FALSE(is_full_code(std::string(63, 'a') + "g"));
}

TEST(Codes, ErrorsOfTheTokenAreNoWrongCodes) {
    const MacFunction broken = [](const Bytes&) -> Result<Bytes> {
        return fail(ErrorCode::token_unavailable, "gone");
    };
    const auto found = matching_step("123456", kCheckTime, 180, reference_bytes, broken);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::token_unavailable);
    const MacFunction cut = [](const Bytes&) -> Result<Bytes> { return Bytes(31); };
    EXPECT_FALSE(matching_step("123456", kCheckTime, 180, reference_bytes, cut));
}

TEST(Codes, TimeStepsHoldTheirBounds) {
    EXPECT_EQ(time_step(0, 180), 0U);
    EXPECT_EQ(time_step(-5, 180), 0U);
    EXPECT_EQ(time_step(179, 180), 0U);
    EXPECT_EQ(time_step(180, 180), 1U);
    EXPECT_EQ(steps_around(0), (std::vector<std::uint64_t>{0, 1}));
    EXPECT_EQ(steps_around(5), (std::vector<std::uint64_t>{5, 4, 6}));
    // The time in the step that is nearest to the given one.
    EXPECT_EQ(time_in_step(10, 180, 1800), 1800);
    EXPECT_EQ(time_in_step(10, 180, 1900), 1900);
    EXPECT_EQ(time_in_step(10, 180, 1799), 1800);
    EXPECT_EQ(time_in_step(10, 180, 1980), 1979);
}

}  // namespace
}  // namespace signet::paycontrol
