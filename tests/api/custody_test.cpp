// A backup of a whole appliance, proved and restored on second tokens; PINs and shares through signetctl.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/support/appliance.h"
#include "tests/support/process.h"
#include "tests/support/pseudo_terminal.h"

namespace signet::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

class CustodyOfAppliance : public ::testing::Test {
  protected:
    // An appliance whose keys were made for a backup.
    CustodyOfAppliance() {
        const auto made = testing::run({ctl(), "init", appliance().string(), "--for-backup"}, {},
                                       std::chrono::seconds(120));
        if (made.code != 0) throw std::runtime_error(made.output);
    }
    fs::path appliance() const { return directory.path() / "a"; }
    std::string config() const { return (appliance() / "signetd.yaml").string(); }
    std::string backup() const { return (directory / "backup").string(); }
    static std::string ctl() { return Appliance::program("signetctl").string(); }
    std::vector<std::string> command(std::initializer_list<std::string> words) const {
        std::vector<std::string> out{ctl(), "--config", config()};
        out.insert(out.end(), words);
        return out;
    }
    // The token process alone; signetd is not needed.
    std::unique_ptr<ChildProcess> token() const {
        auto process = std::make_unique<ChildProcess>(std::vector<std::string>{
            Appliance::program("signetd-token").string(), "--config", (appliance() / "token.yaml").string()});
        EXPECT_TRUE(process->wait_for_output("a worker serves the token")) << process->output();
        return process;
    }
    std::string share(const std::string& name) const {
        for (const auto& [who, words] : people.shares) {
            if (who == name) return words;
        }
        throw std::runtime_error("nobody dealt " + name + " a share");
    }
    void make_backup() {
        auto process = token();
        ASSERT_EQ(people.drive(command({"custody", "backup-key", "--threshold", "2", "--custodian", "Carol",
                                        "--custodian", "Dave", "--custodian", "Erin"})),
                  0)
            << people.output();
        process->signal(SIGTERM);
        ASSERT_EQ(process->wait(), 0);
        people.to_give = {share("Carol"), share("Erin")};
        ASSERT_EQ(people.drive(command({"backup", "make", backup()})), 0) << people.output();
    }

    TempDirectory directory;
    People people;
};

TEST_F(CustodyOfAppliance, ABackupIsProvedAndRestoredOnASecondToken) {
    make_backup();
    const auto manifest = read(fs::path(backup()) / "manifest.json");
    EXPECT_EQ(manifest.find(read(appliance() / "secrets/pin")), std::string::npos);

    // Wrong shares are named, and good ones still open it.
    auto mistyped = share("Carol");
    mistyped = mistyped.substr(0, mistyped.rfind(' '));
    people.to_give = {mistyped + " aardvark", share("Dave"), share("Dave"), share("Erin")};
    const auto proved = people.drive(command({"backup", "prove", backup()}));
    ASSERT_EQ(proved, 0) << people.output();
    EXPECT_NE(people.output().find("was given already"), std::string::npos) << people.output();
    for (const auto* key :
         {"audit/1", "wrap/1", "bind/1", "seal/1", "device.ca/1", "document.rsa/1", "document.mac/1"})
        EXPECT_NE(people.output().find(key), std::string::npos) << key << "\n" << people.output();
    EXPECT_EQ(people.output().find("NOT GOOD"), std::string::npos);

    people.to_give = {share("Dave"), share("Erin")};
    const auto restored = (directory / "r").string();
    ASSERT_EQ(people.drive(command({"backup", "restore", backup(), restored})), 0) << people.output();
    const auto audit = testing::run({ctl(), "--config", restored + "/signetd.yaml", "audit", "verify"});
    EXPECT_EQ(audit.code, 0) << audit.output;
    EXPECT_EQ(people.drive(command({"backup", "restore", backup(), restored})), 6)
        << "never over an appliance";
}

TEST_F(CustodyOfAppliance, ATamperedBackupIsFound) {
    make_backup();
    const auto manifest = fs::path(backup()) / "manifest.json";
    const auto whole = read(manifest);
    const auto prove = [&] { return testing::run(command({"backup", "prove", backup()})); };
    const auto expect_found = [&](const fs::path& file, std::size_t at) {
        const auto before = read(file);
        auto changed = before;
        changed[at] = changed[at] == '1' ? '2' : '1';
        std::ofstream(file, std::ios::binary | std::ios::trunc) << changed;
        const auto found = prove();
        EXPECT_EQ(found.code, 8) << file << "\n" << found.output;
        std::ofstream(file, std::ios::binary | std::ios::trunc) << before;
    };
    expect_found(manifest, whole.find("\"blob\":\"") + 20);
    expect_found(manifest, whole.find("\"threshold: ") + 3);
    expect_found(manifest, whole.find("\"signature\":\"") + 40);
    expect_found(manifest, whole.find("\"details\"") + 30);
    expect_found(fs::path(backup()) / "signet.db", 5000);
    expect_found(fs::path(backup()) / "policy.yaml", 3);
    fs::remove(fs::path(backup()) / "policy.yaml");
    EXPECT_EQ(prove().code, 8);
}

TEST_F(CustodyOfAppliance, CustodiansOpenTheTokenFromDifferentTerminals) {
    auto process = token();
    ASSERT_EQ(people.drive(command(
                  {"custody", "share", "--threshold", "2", "--custodian", "Carol", "--custodian", "Dave"})),
              0)
        << people.output();
    EXPECT_FALSE(fs::exists(appliance() / "secrets/pin"));
    process->signal(SIGTERM);
    ASSERT_EQ(process->wait(), 0);
    process = std::make_unique<ChildProcess>(std::vector<std::string>{
        Appliance::program("signetd-token").string(), "--config", (appliance() / "token.yaml").string()});
    ASSERT_TRUE(eventually([&] { return testing::run(command({"custody", "status"})).code == 0; }));
    const auto unlock = [&](const std::string& words) {
        return testing::run(command({"unlock"}), {.input = words + "\n"});
    };
    const auto first = unlock(share("Carol"));
    EXPECT_EQ(first.code, 0) << first.output;
    EXPECT_NE(first.output.find("1 is missing"), std::string::npos) << first.output;
    EXPECT_NE(unlock(share("Carol")).code, 0);
    EXPECT_NE(unlock(share("Dave") + " extra").code, 0);
    const auto second = unlock(share("Dave"));
    EXPECT_EQ(second.code, 0) << second.output;
    EXPECT_NE(second.output.find("the token is open"), std::string::npos) << second.output;
}

}  // namespace
}  // namespace signet::testing
