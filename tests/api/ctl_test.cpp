// signetctl against a running appliance, as people and scripts use it.
#include <unistd.h>

#include <fstream>
#include <set>

#include "tests/api/json.h"

namespace signet::testing {
namespace {

class Ctl : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { appliance = std::make_unique<Appliance>(); }
    static void TearDownTestSuite() { appliance.reset(); }
    static json::value run_json(std::vector<std::string> arguments, int code = 0) {
        arguments.insert(arguments.begin(), "--json");
        const auto ended = appliance->ctl(std::move(arguments));
        EXPECT_EQ(ended.code, code) << ended.output;
        return parse_json(ended.output);
    }
    static std::string file(const std::string& name) { return appliance->scratch(name).string(); }
    static std::unique_ptr<Appliance> appliance;
};
std::unique_ptr<Appliance> Ctl::appliance;

TEST_F(Ctl, SignsAndVerifies) {
    std::ofstream(file("letter")) << "a letter";
    for (const auto* key : {"document.ec", "document.rsa"}) {
        ASSERT_EQ(appliance->ctl({"sign", key, file("letter"), "--out", file("letter.sig")}).code, 0);
        EXPECT_EQ(appliance->ctl({"verify", key, file("letter"), file("letter.sig")}).code, 0);
    }
    std::ofstream(file("letter")) << "another letter";
    EXPECT_EQ(appliance->ctl({"verify", "document.rsa", file("letter"), file("letter.sig")}).code, 8);
}

TEST_F(Ctl, ExitCodesMeanSomething) {
    EXPECT_EQ(appliance->ctl({"keys", "frobnicate"}).code, 2);
    EXPECT_EQ(appliance->ctl({"keys", "show", "no.such"}).code, 4);
    EXPECT_EQ(appliance->ctl({"--socket", file("nothing.sock"), "keys", "list"}).code, 5);
    EXPECT_EQ(appliance
                  ->ctl({"policy", "explain", "--principal", "public", "--permission", "keys.sign", "--key",
                         "document.ec"})
                  .code,
              3);
    EXPECT_EQ(appliance
                  ->ctl({"policy", "explain", "--principal", "operator", "--permission", "keys.sign", "--key",
                         "document.ec"})
                  .code,
              0);
    EXPECT_EQ(appliance->ctl({"init", appliance->path().string()}).code, 6);
    const auto error = appliance->ctl({"--json", "keys", "show", "no.such"});
    EXPECT_NE(error.output.find(R"("code":"not_found")"), std::string::npos) << error.output;
}

TEST_F(Ctl, DoctorAndStatusAreContent) {
    const auto status = run_json({"status"});
    const auto doctor = run_json({"doctor"});
    EXPECT_EQ(text(doctor, "errors"), "0") << json::serialize(doctor);
    std::set<std::string> checks;
    for (const auto& finding : doctor.at("findings").as_array())
        checks.insert(text(finding, "check"));
    for (const auto* check : {"policy", "token.module", "token.slot", "token.pin", "files.database", "clock",
                              "disk", "daemon.api"})
        EXPECT_TRUE(checks.contains(check)) << check;
}

TEST_F(Ctl, KeysLiveAndDie) {
    EXPECT_EQ(text(run_json({"keys", "create", "short.lived", "--algorithm", "ec-p256", "--usage", "sign"}),
                   "version"),
              "1");
    EXPECT_EQ(text(run_json({"keys", "rotate", "short.lived"}), "version"), "2");
    EXPECT_EQ(
        appliance->ctl({"keys", "destroy", "short.lived", "--key-version", "1", "--confirm", "short.lived/2"})
            .code,
        2);
    EXPECT_EQ(appliance->ctl({"keys", "disable", "short.lived", "--key-version", "1"}).code, 0);
    EXPECT_EQ(
        appliance->ctl({"keys", "destroy", "short.lived", "--key-version", "1", "--confirm", "short.lived/1"})
            .code,
        0);
    EXPECT_EQ(text(run_json({"keys", "show", "short.lived"}), "version"), "2");
}

TEST_F(Ctl, AuditVerifyFindsWhatWasDoneToAnExport) {
    ASSERT_EQ(appliance->ctl({"audit", "checkpoint"}).code, 0);
    const auto path = file("chain.jsonl");
    ASSERT_EQ(appliance->ctl({"audit", "export", path}).code, 0);
    ASSERT_EQ(appliance->ctl({"audit", "verify", path}).code, 0);
    std::ifstream input(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(input, line);)
        lines.push_back(line);
    ASSERT_GT(lines.size(), 6U);
    const auto verdict = [&](const std::vector<std::string>& changed) {
        std::ofstream output(file("changed.jsonl"));
        for (const auto& line : changed)
            output << line << '\n';
        output.close();
        return appliance->ctl({"audit", "verify", file("changed.jsonl")}).code;
    };
    auto rewritten = lines;
    const auto at = rewritten[2].find("operator");
    ASSERT_NE(at, std::string::npos);
    rewritten[2].replace(at, 8, "operatoR");
    EXPECT_EQ(verdict(rewritten), 8);
    auto reordered = lines;
    std::swap(reordered[2], reordered[3]);
    EXPECT_EQ(verdict(reordered), 8);
    auto shortened = lines;
    shortened.pop_back();
    EXPECT_EQ(verdict(shortened), 8);
    auto gap = lines;
    gap.erase(gap.begin() + 3);
    EXPECT_EQ(verdict(gap), 8);
    auto forged = lines;
    for (auto& line : forged) {
        const auto signature = line.find(R"("signature":")");
        if (signature == std::string::npos) continue;
        // The last hexadecimal digit of the signature.
        auto& digit = line[line.rfind('"') - 1];
        digit = digit == '0' ? '1' : '0';
    }
    EXPECT_EQ(verdict(forged), 8);
}

TEST_F(Ctl, BackupIsACopyThatVerifies) {
    const auto copy = run_json({"backup", "database", file("copy.db")});
    EXPECT_EQ(text(copy, "sha256").size(), 64U);
    EXPECT_EQ(appliance->ctl({"backup", "database", file("copy.db")}).code, 6);
}

TEST_F(Ctl, CompletionIsValidBash) {
    const auto script = appliance->ctl({"completion", "bash"});
    std::ofstream(file("completion")) << script.output;
    EXPECT_EQ(run({"/bin/bash", "-n", file("completion")}).code, 0);
    std::ofstream(file("try"))
        << "source " << file("completion")
        << "\nCOMP_WORDS=(signetctl keys cr); COMP_CWORD=2; _signetctl; echo \"${COMPREPLY[@]}\"\n";
    EXPECT_EQ(run({"/bin/bash", file("try")}).output, "create\n");
}

TEST_F(Ctl, InitRefusesWhatItMustNotTouch) {
    std::filesystem::create_directory(file("full"));
    std::ofstream(file("full/precious")) << "x";
    EXPECT_EQ(appliance->ctl({"init", file("full")}).code, 6);
    EXPECT_TRUE(std::filesystem::exists(file("full/precious")));
}

TEST_F(Ctl, InitFinishesWhatWasInterrupted) {
    const auto directory = appliance->scratch("interrupted");
    std::filesystem::create_directories(directory / "tokens" / "half");
    std::ofstream(directory / ".init-under-way") << "signetctl init\n";
    if (service_user()) {
        for (const auto& path :
             {directory, directory / "tokens", directory / "tokens" / "half", directory / ".init-under-way"})
            ASSERT_EQ(chown(path.c_str(), *service_user(), *service_user()), 0);
    }
    const auto made = appliance->ctl({"init", directory.string()});
    EXPECT_EQ(made.code, 0) << made.output;
    EXPECT_TRUE(std::filesystem::exists(directory / "signetd.yaml"));
    EXPECT_FALSE(std::filesystem::exists(directory / "tokens" / "half"));
    EXPECT_FALSE(std::filesystem::exists(directory / ".init-under-way"));
}

}  // namespace
}  // namespace signet::testing
