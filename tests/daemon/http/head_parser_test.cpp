#include "daemon/http/head_parser.h"

#include <gtest/gtest.h>

#include <string>

namespace signet::http {
namespace {

std::string request(std::string_view line, std::string_view fields = "Host: a\r\n") {
    return std::string(line) + "\r\n" + std::string(fields) + "\r\n";
}

// 0 when the header is taken.
unsigned status_of(std::string_view text, const HeadLimits& limits = {}) {
    std::size_t searched = 0;
    const auto end = find_head_end(text, searched);
    if (!end) return end.error().status;
    if (*end == 0) return 1;  // not whole
    const auto parsed = parse_head(text.substr(0, *end), limits);
    return parsed ? 0 : parsed.error().status;
}

TEST(HeadParser, TakesAnOrdinaryRequest) {
    const auto text = request("POST /v1/keys/a%20b/sign?x=1&y HTTP/1.1",
                              "Host: signet:8443\r\nX-One: 1\r\nx-one:  2 \r\nContent-Length: 12\r\n");
    const auto parsed = parse_head(text, {});
    ASSERT_TRUE(parsed) << parsed.error().why;
    EXPECT_EQ(parsed->head.verb, Verb::post);
    EXPECT_EQ(parsed->head.target, "/v1/keys/a%20b/sign?x=1&y");
    EXPECT_EQ(parsed->head.path, "/v1/keys/a%20b/sign");
    EXPECT_EQ(parsed->head.query, "x=1&y");
    EXPECT_EQ(parsed->head.headers.get("HOST"), "signet:8443");
    EXPECT_EQ(parsed->head.headers.get("x-ONE"), "1");
    EXPECT_EQ(parsed->head.headers.count("x-one"), 2U);
    EXPECT_EQ(parsed->head.headers.value(2), "2");
    EXPECT_EQ(parsed->content_length, 12U);
    EXPECT_TRUE(parsed->has_body());
    EXPECT_TRUE(parsed->keep_alive);
    EXPECT_FALSE(parsed->http_1_0);
}

struct Refused {
    const char* name;
    std::string text;
    unsigned status;
};

class Malformed : public ::testing::TestWithParam<Refused> {};

TEST_P(Malformed, IsRefused) {
    EXPECT_EQ(status_of(GetParam().text), GetParam().status) << GetParam().text;
}

using namespace std::string_literals;
INSTANTIATE_TEST_SUITE_P(
    HeadParser, Malformed,
    ::testing::Values(
        Refused{"no_host", request("GET / HTTP/1.1", ""), 400},
        Refused{"two_hosts", request("GET / HTTP/1.1", "Host: a\r\nHost: a\r\n"), 400},
        Refused{"host_with_path", request("GET / HTTP/1.1", "Host: a/b\r\n"), 400},
        Refused{"host_with_user", request("GET / HTTP/1.1", "Host: u@a\r\n"), 400},
        Refused{"length_and_coding",
                request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
                400},
        Refused{"coding_and_length",
                request("POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
                400},
        Refused{"two_lengths",
                request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n"), 400},
        Refused{"length_list", request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 3, 3\r\n"), 400},
        Refused{"length_signed", request("POST / HTTP/1.1", "Host: a\r\nContent-Length: +3\r\n"), 400},
        Refused{"length_negative", request("POST / HTTP/1.1", "Host: a\r\nContent-Length: -3\r\n"), 400},
        Refused{"length_hex", request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 0x3\r\n"), 400},
        Refused{"length_empty", request("POST / HTTP/1.1", "Host: a\r\nContent-Length:\r\n"), 400},
        Refused{"length_too_long",
                request("POST / HTTP/1.1", "Host: a\r\nContent-Length: 99999999999999999999\r\n"), 400},
        Refused{"coding_gzip", request("POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n"),
                501},
        Refused{"coding_identity", request("POST / HTTP/1.1", "Host: a\r\nTransfer-Encoding: identity\r\n"),
                501},
        Refused{"coding_twice",
                request("POST / HTTP/1.1",
                        "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
                400},
        Refused{"coding_in_1_0", request("POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n"), 400},
        Refused{"folded", request("GET / HTTP/1.1", "Host: a\r\nX: 1\r\n 2\r\n"), 400},
        Refused{"folded_by_tab", request("GET / HTTP/1.1", "Host: a\r\nX: 1\r\n\t2\r\n"), 400},
        Refused{"folded_first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        Refused{"space_before_colon", request("GET / HTTP/1.1", "Host : a\r\n"), 400},
        Refused{"no_colon", request("GET / HTTP/1.1", "Host: a\r\nnonsense\r\n"), 400},
        Refused{"empty_name", request("GET / HTTP/1.1", "Host: a\r\n: b\r\n"), 400},
        Refused{"nul_in_value", request("GET / HTTP/1.1", "Host: a\r\nX: \0\r\n"s), 400},
        Refused{"bell_in_value", request("GET / HTTP/1.1", "Host: a\r\nX: \a\r\n"), 400},
        Refused{"bare_lf", "GET / HTTP/1.1\nHost: a\n\n", 400},
        Refused{"bare_lf_later", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\r\n", 400},
        Refused{"bare_cr", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400},
        Refused{"no_version", request("GET /"), 400}, Refused{"version_2", request("GET / HTTP/2.0"), 505},
        Refused{"version_0_9", request("GET / HTTP/0.9"), 505},
        Refused{"two_spaces", request("GET  / HTTP/1.1"), 400},
        Refused{"space_in_target", request("GET /a b HTTP/1.1"), 400},
        Refused{"fragment", request("GET /a#b HTTP/1.1"), 400},
        Refused{"backslash", request("GET /a\\b HTTP/1.1"), 400},
        Refused{"high_byte_in_target", request("GET /\xC3\xA4 HTTP/1.1"), 400},
        Refused{"relative_target", request("GET a HTTP/1.1"), 400},
        Refused{"star_with_get", request("GET * HTTP/1.1"), 400},
        Refused{"absolute_without_host", request("GET http:///a HTTP/1.1"), 400},
        Refused{"unknown_method", request("BREW / HTTP/1.1"), 501},
        Refused{"connect", request("CONNECT a:1 HTTP/1.1"), 501},
        Refused{"lower_case_method", request("get / HTTP/1.1"), 501},
        Refused{"unknown_expectation", request("POST / HTTP/1.1", "Host: a\r\nExpect: magic\r\n"), 417}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(HeadParser, HoldsItsBounds) {
    EXPECT_EQ(status_of(request("GET /" + std::string(8191, 'a') + " HTTP/1.1")), 0U);
    EXPECT_EQ(status_of(request("GET /" + std::string(8192, 'a') + " HTTP/1.1")), 414U);
    std::string fields = "Host: a\r\n";
    for (int i = 0; i < 3; ++i)
        fields += "X: y\r\n";
    EXPECT_EQ(status_of(request("GET / HTTP/1.1", fields), {.fields = 4}), 0U);
    EXPECT_EQ(status_of(request("GET / HTTP/1.1", fields), {.fields = 3}), 431U);
}

TEST(HeadParser, KnowsWhatKeepsAConnection) {
    const auto keep_alive = [](std::string_view line, std::string_view fields) {
        const auto parsed = parse_head(request(line, "Host: a\r\n" + std::string(fields)), {});
        return parsed && parsed->keep_alive;
    };
    EXPECT_TRUE(keep_alive("GET / HTTP/1.1", ""));
    EXPECT_FALSE(keep_alive("GET / HTTP/1.1", "Connection: close\r\n"));
    EXPECT_FALSE(keep_alive("GET / HTTP/1.1", "Connection: foo , CLOSE\r\n"));
    EXPECT_FALSE(keep_alive("GET / HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    EXPECT_FALSE(keep_alive("GET / HTTP/1.0", ""));
    EXPECT_TRUE(keep_alive("GET / HTTP/1.0", "Connection: Keep-Alive\r\n"));
}

TEST(HeadParser, TakesTheAbsoluteFormAndTheStar) {
    auto parsed = parse_head(request("GET http://signet:80/a?b HTTP/1.1"), {});
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->head.path, "/a");
    EXPECT_EQ(parsed->head.query, "b");
    parsed = parse_head(request("GET HTTPS://signet HTTP/1.1"), {});
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->head.path, "/");
    parsed = parse_head(request("OPTIONS * HTTP/1.1"), {});
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->head.path, "*");
}

TEST(HeadParser, FindsTheEndHoweverTheBytesCome) {
    const auto text = request("GET / HTTP/1.1") + "rest";
    std::size_t searched = 0;
    for (std::size_t size = 1; size < text.size() - 4; ++size)
        ASSERT_EQ(find_head_end(std::string_view(text).substr(0, size), searched).value_or(99), 0U) << size;
    EXPECT_EQ(find_head_end(text, searched).value_or(0), text.size() - 4);
}

TEST(HeadParser, ExpectationsAreIgnoredInHttp10) {
    const auto parsed =
        parse_head(request("POST / HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n"), {});
    ASSERT_TRUE(parsed);
    EXPECT_FALSE(parsed->expects_continue);
}

}  // namespace
}  // namespace signet::http
