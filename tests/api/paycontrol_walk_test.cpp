// Walks through every sample request of PayControl's chapters Systems to Events, sent as printed.
#include <gtest/gtest.h>

#include "tests/api/paycontrol_fixture.h"
#include "tests/api/paycontrol_samples.h"

namespace signet::testing {
namespace {

std::string filled(std::string text, const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values) {
        const auto place = "{{" + name + "}}";
        for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at + value.size()))
            text.replace(at, place.size(), value);
    }
    EXPECT_EQ(text.find("{{"), std::string::npos) << text;
    return text;
}

std::vector<std::string> words(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream stream(text);
    for (std::string word; stream >> word;)
        out.push_back(word);
    return out;
}

TEST(PayControlWalk, EverySampleGetsItsDocumentedAnswer) {
    PayControlServer server("  clean_events: true\n", [](Appliance& appliance) {
        // FULL_QR and DEEP_LINK show keys in clear, so they are off unless asked for.
        appliance.edit("signetd.yaml", "clear_keys: false", "clear_keys: true ");
        appliance.edit("token.yaml", "# session_copies: true", "reveal_secrets: true #");
    });
    const auto issued =
        parse_json(server.appliance.ctl({"--json", "paycontrol", "issue-system", "Walk"}).output);
    json::value license(text(issued, "license"));
    std::map<std::string, std::string> values{
        {"request", text(issued, "request")},
        {"license", json::serialize(license)},
        {"system_id", text(issued, "system_id")},
        // The document's own key is no point of the curve that it names.
        {"public_key",
         "3059301306072a8648ce3d020106082a8648ce3d0301070342000416a8c8944d070a84d69179b971e7888e6c6cdca66c1f7"
         "ef976f9dde2"
         "27c57bb9febfc294ef54c4ee1d1b41b21b9cc30675907bc4ed8e01bfa683539eeef65aa3"}};
    for (const auto& sample : pc_samples()) {
        SCOPED_TRACE(sample.name);
        const auto path = filled(sample.path, values);
        const auto body = filled(sample.body, values);
        if (sample.type.empty()) {
            const auto answer = server.appliance.get("/pc-api" + path);
            EXPECT_EQ(answer.headers.at("content-type"), "application/octet-stream");
            EXPECT_EQ(answer.body, "Hello World!!!");
            continue;
        }
        const auto answer = server.send(sample.verb, path, body);
        EXPECT_EQ(answer.code, 0U) << answer.body;
        EXPECT_EQ(answer.type, sample.type) << answer.body;
        for (const auto& field : words(sample.fields))
            EXPECT_TRUE(answer.value.is_object() && answer.value.get_object().contains(field))
                << field << " in " << answer.body;
        if (sample.keep.empty()) continue;
        const auto equals = sample.keep.find('=');
        const auto member = sample.keep.substr(equals + 1);
        values[sample.keep.substr(0, equals)] = member == "." && answer.value.is_string()
                                                    ? answer.value.get_string().c_str()
                                                    : text(answer.value, member);
    }
}

}  // namespace
}  // namespace signet::testing
