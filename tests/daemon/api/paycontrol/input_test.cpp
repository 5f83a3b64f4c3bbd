// What reads requests, without a daemon: dates, addresses, data, scoring.
#include <gtest/gtest.h>

#include "daemon/api/paycontrol/body.h"
#include "daemon/api/paycontrol/dates.h"
#include "daemon/api/paycontrol/request_event.h"
#include "daemon/api/paycontrol/scoring.h"
#include "daemon/api/paycontrol/transaction_input.h"

namespace signet::api::paycontrol {
namespace {

TEST(PayControlDates, AreReadWithTheirOffset) {
    const auto utc = parse_date("2020-07-06 22:12:22.0 +0000");
    ASSERT_TRUE(utc);
    EXPECT_EQ(to_rfc3339(*utc), "2020-07-06T22:12:22.000Z");
    EXPECT_EQ(parse_date("2020-07-07 01:12:22.0 +0300"), utc);
    EXPECT_EQ(parse_date("2020-07-06 22:12:22 +0000"), utc);
    EXPECT_EQ(parse_date(format_date(*utc)), utc);
    for (const auto* const text :
         {"", "2020-07-06", "2020-07-06 22:12:22.0", "2020-07-06T22:12:22.0 +0000",
          "2020-13-06 22:12:22.0 +0000", "2020-07-06 22:12:22.0 0000 ", "2020-07-06 22:12:22.0 +00:00"})
        EXPECT_FALSE(parse_date(text)) << text;
}

TEST(PayControlEvents, TheAddressChainIsThatOfTheProxiesAndThePeer) {
    EXPECT_EQ(address_chain("", "192.0.2.1:4711"), "192.0.2.1");
    EXPECT_EQ(address_chain("198.51.100.7,10.0.0.1", "192.0.2.1:1"), "198.51.100.7, 10.0.0.1, 192.0.2.1");
    EXPECT_EQ(address_chain("2001:db8::1", "[2001:db8::2]:443"), "2001:db8::1, 2001:db8::2");
    EXPECT_EQ(address_chain("198.51.100.7", "uid=0 pid=7"), "198.51.100.7");
    // What a client makes up does not get into the record.
    EXPECT_EQ(address_chain("<script>, unknown, \x01", "192.0.2.1:1"), "192.0.2.1");
}

Code code_of_data(const std::string& data) {
    const auto body = parse_body(R"({"transaction_data":)" + data + "}");
    if (!body) return body.error().code;
    sqlite::PcTransaction transaction;
    const auto read = read_data(*body, transaction);
    return read ? Code::normal : read.error().code;
}

TEST(PayControlInput, TheTextHasTenKibibytesAndNoMore) {
    EXPECT_EQ(code_of_data(R"({"text":")" + std::string(10240, 'x') + "\"}"), Code::normal);
    EXPECT_EQ(code_of_data(R"({"text":")" + std::string(10241, 'x') + "\"}"), Code::transaction_data_error);
    // Bytes, not characters.
    std::string cyrillic;
    for (int i = 0; i < 5121; ++i)
        cyrillic += "я";
    EXPECT_EQ(code_of_data(R"({"text":")" + cyrillic + "\"}"), Code::transaction_data_error);
}

TEST(PayControlInput, ScoresAreWellFormedOrRefused) {
    const auto read = [](const std::string& scoring) {
        return read_scoring(parse_body(R"({"scoring":)" + scoring + "}").value());
    };
    EXPECT_FALSE(is_high_risk(read(R"({"gib_sb":{"score":0,"scoreLevel":"NO_RISK"}})").value()));
    EXPECT_TRUE(is_high_risk(read(R"({"gib_sb":{"score":9,"scoreLevel":"HIGH_RISK"}})").value()));
    EXPECT_EQ(read(R"({"gib_sb":{"score":"x"}})").error().code, Code::scoring_failed);
    EXPECT_EQ(read("5").error().code, Code::json_request_incorrect);
}

}  // namespace
}  // namespace signet::api::paycontrol
