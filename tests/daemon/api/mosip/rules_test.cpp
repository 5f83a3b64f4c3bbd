// Versions, white lists, and MOSIP's answers.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/encoding.h"
#include "base/file.h"
#include "daemon/api/mosip/registration.h"
#include "daemon/api/mosip/version.h"
#include "daemon/api/mosip/white_list.h"
#include "daemon/service/outbox.h"
#include "tests/fuzz/mosip.h"

namespace signet::api::mosip {
namespace {

TEST(Version, IsComparedPartByPart) {
    const std::pair<const char*, const char*> ordered[] = {
        {"", "1"},      {"1.9", "1.10"},      {"1.0", "1.0.1"},
        {"1.9.9", "2"}, {"0.9.5", "0.9.5.1"}, {"1.alpha", "1.beta"}};
    for (const auto& [older, newer] : ordered) {
        EXPECT_TRUE(is_older(older, newer)) << older << " " << newer;
        EXPECT_FALSE(is_older(newer, older)) << older << " " << newer;
    }
    for (const auto& [a, b] : {std::pair{"1.0", "1"}, std::pair{"01.2", "1.2"}, std::pair{"", ""}}) {
        EXPECT_FALSE(is_older(a, b)) << a << " " << b;
        EXPECT_FALSE(is_older(b, a)) << a << " " << b;
    }
}

TEST(WhiteList, IsReadAsCsv) {
    const auto lines = read_csv(
        "\xef\xbb\xbf"
        "bioType,serialNumber,modelID,devicePurpose,providerId\r\n"
        "finger,\"SN \"\"1\"\", new\",M,AUTH,V\r\n"
        "\r\n"
        "Voice,SN-2,M,Auth,V\n"
        "Iris,SN-3,M,Auth\n"
        "Iris,\"SN-4,M,Auth,V\n"
        "Iris,,M,Auth,V\n"
        "Iris,a/b,M,Auth,V");
    ASSERT_TRUE(lines) << lines.error().message;
    ASSERT_EQ(lines->size(), 6U);
    ASSERT_TRUE((*lines)[0].entry);
    EXPECT_EQ((*lines)[0].entry->serial_number, "SN \"1\", new");
    EXPECT_EQ((*lines)[0].entry->bio_type, "Finger");
    EXPECT_EQ((*lines)[0].entry->purpose, "Auth");
    const std::size_t numbers[] = {2, 4, 5, 6, 7, 8};
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ((*lines)[i].line, numbers[i]);
        EXPECT_EQ((*lines)[i].entry.has_value(), i == 0) << i;
    }
    for (const auto* header : {"", "serialNumber\n", "providerId,providerId\n", "providerId,colour\n"})
        EXPECT_FALSE(read_csv(header)) << header;
    EXPECT_FALSE(read_csv("providerId,serialNumber,modelID,devicePurpose,bioType\n" + [] {
        std::string many;
        for (std::size_t i = 0; i <= kMaxCsvLines; ++i)
            many += "V,S,M,Auth,Face\n";
        return many;
    }()));
}

TEST(WhiteList, ADateEndsWithItsDay) {
    EXPECT_EQ(**valid_until_in("2030-01-31"), *from_rfc3339("2030-01-31T23:59:59.999Z"));
    EXPECT_EQ(**valid_until_in("2030-01-31T10:00:00+02:00"), *from_rfc3339("2030-01-31T08:00:00Z"));
    EXPECT_EQ(*valid_until_in(""), std::nullopt);
    EXPECT_FALSE(valid_until_in("2030-02-31"));
    EXPECT_FALSE(valid_until_in("tomorrow"));
}

TEST(Forwarded, AnswersOfMosipAreRead) {
    const auto reply = [](unsigned status, const std::string& body) {
        return device_code_in(service::OutboxReply{status, body});
    };
    const auto answer = [](const std::string& payload) {
        return R"({"id":"x","response":"e30.)" + to_base64url(as_bytes(payload)) + R"(.c2ln","error":[]})";
    };
    const auto good = reply(200, answer(R"({"status":"Registered","deviceCode":"70c7db84"})"));
    ASSERT_TRUE(good) << good.error().message;
    EXPECT_EQ(*good, "70c7db84");
    EXPECT_FALSE(reply(403, answer(R"({"status":"Registered","deviceCode":"70c7db84"})")));
    EXPECT_FALSE(reply(200, answer(R"({"status":"Registered"})")));
    EXPECT_FALSE(reply(200, answer(R"({"status":"Failed","deviceCode":"70c7db84"})")));
    const auto refused =
        reply(200, R"({"response":null,"errors":[{"errorCode":"X","message":"no such device"}]})");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("no such device"), std::string::npos);
    for (const auto* body : {"", "[]", "{}", R"({"response":"x"})", R"({"response":"e30.!.e30"})"})
        EXPECT_FALSE(reply(200, body)) << body;
}

TEST(MosipCorpus, EveryFilePasses) {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(SIGNET_CORPUS)) {
        const auto input = to_bytes(read_file(entry.path()).value());
        SCOPED_TRACE(entry.path());
        testing::fuzz_mosip(input);
        const auto step = std::max<std::size_t>(1, input.size() / 64);
        for (std::size_t i = 0; i < input.size(); i += step) {
            testing::fuzz_mosip(ByteView(input).first(i));
            auto flipped = input;
            flipped[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
            testing::fuzz_mosip(flipped);
        }
        ++files;
    }
    EXPECT_GE(files, 7U);
}

}  // namespace
}  // namespace signet::api::mosip
