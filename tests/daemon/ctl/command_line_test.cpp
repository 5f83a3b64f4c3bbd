#include "daemon/ctl/command_line.h"

#include <gtest/gtest.h>

#include <set>

namespace signet::ctl {
namespace {

Result<CommandLine> parse(std::vector<const char*> words) {
    words.insert(words.begin(), "signetctl");
    return parse_command_line(static_cast<int>(words.size()), words.data());
}

TEST(CommandTable, NamesAreUniqueAndGroupsExist) {
    std::set<std::pair<std::string_view, std::string_view>> seen;
    std::set<std::string_view> known{""};
    for (const auto& group : groups())
        known.insert(group.name);
    for (const auto& command : commands()) {
        EXPECT_TRUE(seen.emplace(command.group, command.name).second) << command.name;
        EXPECT_TRUE(known.contains(command.group)) << command.group;
        EXPECT_NE(command.run, nullptr);
        EXPECT_FALSE(command.summary.empty());
        for (const auto& option : command.options)
            EXPECT_TRUE(option.name.starts_with("--")) << option.name;
    }
}

// What is secret never comes by the command line: it could be read in /proc and in a shell's history.
TEST(CommandTable, NoOptionTakesASecret) {
    for (const auto& command : commands()) {
        for (const auto& option : command.options) {
            if (option.value == Value::file || option.placeholder.empty()) continue;
            for (const auto* word : {"pin", "password", "secret", "passphrase"})
                EXPECT_EQ(option.name.find(word), std::string_view::npos) << option.name;
        }
    }
}

TEST(CommandLine, GlobalOptionsStandAnywhere) {
    for (const auto& words : {std::vector<const char*>{"--json", "--config", "x.yaml", "keys", "list"},
                              std::vector<const char*>{"keys", "list", "--json", "--config", "x.yaml"},
                              std::vector<const char*>{"keys", "--json", "list", "--config=x.yaml"}}) {
        const auto line = parse(words);
        ASSERT_TRUE(line) << line.error().message;
        EXPECT_TRUE(line->global.json);
        EXPECT_EQ(line->global.config, "x.yaml");
        ASSERT_NE(line->command, nullptr);
        EXPECT_EQ(line->command->group, "keys");
        EXPECT_EQ(line->command->name, "list");
    }
}

TEST(CommandLine, ValuesAndRepetition) {
    const auto line =
        parse({"keys", "create", "a.key", "--algorithm", "ec-p256", "--usage", "sign", "--usage", "decrypt"});
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_EQ(line->arguments.text("KEY"), "a.key");
    EXPECT_EQ(line->arguments.all("--usage"), (std::vector<std::string>{"sign", "decrypt"}));
    EXPECT_FALSE(line->arguments.has("--extractable"));
    EXPECT_TRUE(
        parse({"keys", "create", "a.key", "--algorithm", "ec-p256", "--usage", "sign", "--extractable"})
            ->arguments.has("--extractable"));
}

TEST(CommandLine, PositionalsKeepTheirOrder) {
    const auto line = parse({"verify", "document.ec", "letter", "letter.sig", "--algorithm", "ES256"});
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_EQ(line->arguments.text("KEY"), "document.ec");
    EXPECT_EQ(line->arguments.text("FILE"), "letter");
    EXPECT_EQ(line->arguments.text("SIGNATURE"), "letter.sig");
    EXPECT_EQ(parse({"random"})->arguments.has("BYTES"), false);
}

TEST(CommandLine, WhatIsWrongIsNamedWithItsHelp) {
    const auto missing = parse({"keys", "create", "a.key", "--usage", "sign"});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(missing.error().message.find("--algorithm"), std::string::npos);
    EXPECT_NE(missing.error().message.find("signetctl keys create --help"), std::string::npos)
        << missing.error().message;
    EXPECT_FALSE(parse({}));
    EXPECT_FALSE(parse({"keys"}));
    EXPECT_FALSE(parse({"nonsense"}));
    EXPECT_FALSE(parse({"keys", "list", "surplus"}));
    const auto choice = parse({"keys", "create", "a.key", "--algorithm", "rot13", "--usage", "sign"});
    ASSERT_FALSE(choice);
    EXPECT_NE(choice.error().message.find("ec-p256"), std::string::npos);
}

TEST(CommandLine, HelpIsAnAnswer) {
    const auto line = parse({"cert", "issue", "--help"});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->command, nullptr);
    EXPECT_NE(line->text.find("signetctl cert issue"), std::string::npos) << line->text;
    EXPECT_NE(line->text.find("Exit codes"), std::string::npos);
}

TEST(Arguments, NumbersAreBounded) {
    Arguments arguments;
    arguments.set("--n", {"64"});
    EXPECT_EQ(arguments.number("--n", 1, 1, 64).value(), 64U);
    EXPECT_EQ(arguments.number("--other", 7, 1, 64).value(), 7U);
    EXPECT_FALSE(arguments.number("--n", 1, 1, 63));
    for (const char* text : {"", "-1", "6 4", "0x40", "64a", "99999999999999999999"}) {
        arguments.set("--n", {text});
        EXPECT_FALSE(arguments.number("--n", 1, 0, UINT64_MAX)) << text;
    }
}

}  // namespace
}  // namespace signet::ctl
