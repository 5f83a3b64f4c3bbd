#include "base/yaml.h"

#include <gtest/gtest.h>

namespace signet {
namespace {

yaml::Node parse(std::string_view text) {
    return yaml::Node::parse(text, "f.yaml").value();
}

std::string message_of(std::string_view text) {
    const auto result = yaml::Node::parse(text, "f.yaml");
    return result ? "" : result.error().message;
}

TEST(Yaml, RefusesWhatMakesAReviewedFileMeanSomethingElse) {
    EXPECT_EQ(message_of("a: 1\nb: 2\na: 3\n").substr(0, 9), "f.yaml:3:");  // the same key twice
    EXPECT_EQ(message_of("a: &x 1\nb: *x\n").substr(0, 9), "f.yaml:1:");    // anchors
    EXPECT_NE(message_of("a: !!int 1\n"), "");                              // tags
    EXPECT_NE(message_of("a: 1\n---\nb: 2\n"), "");                         // two documents
    EXPECT_NE(message_of(""), "");
    EXPECT_EQ(message_of("a: 1\nb: [1, 2\n").substr(0, 7), "f.yaml:");  // malformed
    EXPECT_NE(message_of("a: \"\xC0\xAF\"\n"), "");                     // not UTF-8
    EXPECT_EQ(message_of("a: '*x'\nb: \"&y\"\n# &z\n"), "");            // quoted and commented ones are text
}

TEST(Yaml, DeepNestingIsRefused) {
    EXPECT_NE(message_of("a: " + std::string(100, '[') + std::string(100, ']')), "");
}

TEST(Yaml, UnknownKeysNameTheNearest) {
    const auto node = parse("listeners: []\ndatabse: x\n");
    const auto status = node.only({"listeners", "database"});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, "f.yaml:2: unknown key 'databse'; did you mean 'database'?");
    EXPECT_FALSE(parse("[1]").only({"a"}));
}

TEST(Yaml, ErrorsSayFileLineAndPath) {
    const auto node = parse("limits:\n  body: lots\n");
    const auto size = node.required("limits").value().required("body").value().size();
    ASSERT_FALSE(size);
    EXPECT_EQ(size.error().message.find("f.yaml:2: limits.body: "), 0U) << size.error().message;
    EXPECT_NE(node.required("nothing").error().message.find("'nothing'"), std::string::npos);
    EXPECT_FALSE(node.optional("nothing"));
}

TEST(Yaml, Scalars) {
    const auto node = parse(
        "yes: true\nno: false\nword: yes\nn: 42\nneg: -1\nd: 90d\nms: 250ms\nsize: 8MiB\nbytes: 512\nlist: "
        "[a, b]\n");
    const auto at = [&](std::string_view key) { return node.required(key).value(); };
    EXPECT_TRUE(at("yes").boolean().value());
    EXPECT_FALSE(at("no").boolean().value());
    EXPECT_FALSE(at("word").boolean());
    EXPECT_EQ(at("n").integer(0, 42).value(), 42);
    EXPECT_FALSE(at("n").integer(0, 41));
    EXPECT_FALSE(at("neg").integer(0, 41));
    EXPECT_EQ(at("d").duration().value(), std::chrono::hours(24 * 90));
    EXPECT_EQ(at("ms").duration().value(), std::chrono::milliseconds(250));
    EXPECT_FALSE(at("n").duration());  // a unit is needed
    EXPECT_EQ(at("size").size().value(), 8U << 20);
    EXPECT_EQ(at("bytes").size().value(), 512U);
    EXPECT_FALSE(at("d").size());
    EXPECT_EQ(at("list").texts().value(), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(at("word").texts().value(), (std::vector<std::string>{"yes"}));
    EXPECT_EQ(at("word").one_of({"yes", "no"}).value(), "yes");
    EXPECT_NE(at("word").one_of({"1.2", "1.3"}).error().message.find("1.2, 1.3"), std::string::npos);
    EXPECT_FALSE(at("word").text(2));
}

TEST(Yaml, EntriesKeepTheOrderOfTheFile) {
    const auto entries = parse("z: 1\na: 2\nm: 3\n").entries().value();
    ASSERT_EQ(entries.size(), 3U);
    EXPECT_EQ(entries[0].first + entries[1].first + entries[2].first, "zam");
}

}  // namespace
}  // namespace signet
