// JSON in tests: parse or fail, and members by name.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/encoding.h"
#include "tests/support/appliance.h"

namespace signet::testing {

namespace json = boost::json;

inline json::value parse_json(const std::string& text) {
    boost::system::error_code error;
    auto value = json::parse(text, error);
    if (error) {
        ADD_FAILURE() << "not JSON: " << text;
        return json::object{};
    }
    return value;
}

inline std::string text(const json::value& object, std::string_view member) {
    const auto* value = object.is_object() ? object.get_object().if_contains(member) : nullptr;
    if (value == nullptr) return {};
    return value->is_string() ? std::string(value->get_string().c_str()) : json::serialize(*value);
}

inline std::uint64_t number(const json::value& object, std::string_view member) {
    const auto* value = object.is_object() ? object.get_object().if_contains(member) : nullptr;
    boost::system::error_code error;
    return value == nullptr ? 0 : value->to_number<std::uint64_t>(error);
}

// The JSON of an answer that must have this status.
inline json::value expect_json(const HttpAnswer& answer, long status = 200) {
    EXPECT_EQ(answer.status, status) << answer.body << answer.error;
    return parse_json(answer.body);
}

// "{"algorithm":"ES256","data":"…"}"
inline std::string sign_body(std::string_view algorithm, std::string_view data) {
    return R"({"algorithm":")" + std::string(algorithm) + R"(","data":")" + to_base64(as_bytes(data)) + "\"}";
}

// A problem document of RFC 9457 with this code.
inline void expect_problem(const HttpAnswer& answer, long status, std::string_view code) {
    EXPECT_EQ(answer.status, status) << answer.body << answer.error;
    const auto type = answer.headers.find("content-type");
    EXPECT_TRUE(type != answer.headers.end() && type->second.starts_with("application/problem+json"));
    const auto problem = parse_json(answer.body);
    EXPECT_EQ(text(problem, "type"), "urn:signet:error:" + std::string(code));
    EXPECT_EQ(number(problem, "status"), static_cast<std::uint64_t>(status));
    EXPECT_FALSE(text(problem, "request_id").empty());
    EXPECT_TRUE(answer.headers.contains("signet-request-id"));
}

}  // namespace signet::testing
