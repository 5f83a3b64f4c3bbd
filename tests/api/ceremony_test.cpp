// Whole ceremonies at a pseudo-terminal, with the files of packaging/examples as they are.
#include <gtest/gtest.h>

#include <algorithm>
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

std::string example(const std::string& name) {
    return read(fs::path(SIGNET_SOURCE_ROOT) / "packaging/examples/ceremonies" / name);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    if (at == std::string::npos) throw std::runtime_error("not there: " + what);
    return text.replace(at, what.size(), by);
}

// Without shares: for what is repeated many times.
std::string small_plan() {
    auto text = example("root.yaml");
    for (const auto* section : {"\ncustody:", "\nbackup:"}) {
        const auto at = text.find(section);
        text.erase(at + 1, text.find('\n', at + 1) - at);
    }
    for (auto at = text.find(", extractable: true, backup: true"); at != std::string::npos;
         at = text.find(", extractable: true, backup: true"))
        text.erase(at, 33);
    return text;
}

class Ceremony : public ::testing::Test {
  protected:
    Ceremony() {
        directory.write("root.yaml", example("root.yaml"), 0644);
        directory.write("site.yaml", example("site.yaml"), 0644);
    }
    std::vector<std::string> command(std::initializer_list<std::string> words) const {
        std::vector<std::string> out{Appliance::program("signetctl").string()};
        out.insert(out.end(), words);
        return out;
    }
    Ended ctl(std::initializer_list<std::string> words) const {
        return testing::run(command(words), {.directory = directory.path()}, 120s);
    }
    std::vector<std::string> run_command() const {
        return command({"ceremony", "run", plan(), "--site", (directory / "site.yaml").string()});
    }
    std::string plan() const { return (directory / "root.yaml").string(); }
    fs::path outputs() const { return directory / "root-appliance/ceremony"; }
    fs::path transcript() const {
        for (const auto& entry : fs::directory_iterator(outputs())) {
            if (entry.path().extension() == ".json") return entry.path();
        }
        return {};
    }
    std::string config() const { return (directory / "root-appliance/signetd.yaml").string(); }

    TempDirectory directory;
    People people;
};

TEST_F(Ceremony, FromCheckToVerifyAndThroughLosingTheToken) {
    const auto checked = ctl({"ceremony", "check", plan(), "--site", (directory / "site.yaml").string()});
    ASSERT_EQ(checked.code, 0) << checked.output;
    EXPECT_NE(checked.output.find("drafted and linted"), std::string::npos);
    EXPECT_FALSE(fs::exists(directory / "root-appliance")) << "a check makes nothing";

    const auto rehearsal = (directory / "rehearsal").string();
    ASSERT_EQ(people.drive(command({"ceremony", "rehearse", plan(), "--out", rehearsal})), 0)
        << people.output();
    EXPECT_NE(people.output().find("REHEARSAL"), std::string::npos);
    EXPECT_FALSE(fs::exists(directory / "root-appliance"));

    people.shares.clear();
    people.dealt.clear();
    ASSERT_EQ(people.drive(run_command()), 0) << people.output();
    ASSERT_EQ(people.shares.size(), 3U);
    EXPECT_FALSE(fs::exists(directory / "root-appliance/secrets/pin")) << "the PIN is in shares alone";
    EXPECT_FALSE(fs::exists(directory / "root-appliance/secrets/so-pin"));
    const auto verified = ctl({"ceremony", "verify", transcript().string(), "--key",
                               (outputs() / "audit.pub.pem").string(), "--ceremony", plan()});
    EXPECT_EQ(verified.code, 0) << verified.output;
    EXPECT_EQ(verified.output.find("REHEARSAL"), std::string::npos);
    for (const auto& entry : fs::directory_iterator(rehearsal)) {
        if (entry.path().extension() != ".json") continue;
        const auto marked = ctl({"ceremony", "verify", entry.path().string()});
        EXPECT_EQ(marked.code, 0) << marked.output;
        EXPECT_NE(marked.output.find("REHEARSAL"), std::string::npos);
    }
    auto page = transcript();
    page.replace_extension(".html");
    EXPECT_NE(read(page).find("<svg"), std::string::npos);

    // What others make of the certificates.
    const auto chain =
        Appliance::openssl({"verify", "-x509_strict", "-CAfile", (outputs() / "root.pem").string(),
                            (outputs() / "issuing.pem").string()});
    EXPECT_EQ(chain.code, 0) << chain.output;

    // A second run has nothing to do.
    const auto again = people.drive(run_command());
    EXPECT_EQ(again, 0) << people.output();
    EXPECT_NE(people.output().find("this ceremony is over"), std::string::npos);

    EXPECT_TRUE(fs::exists(outputs() / "backup/manifest.json"));
    // The token is lost: the backup and two custodians are enough, wherever SoftHSM is.
    people.to_give = {people.dealt.at("Carol Example").front(), people.dealt.at("Erin Example").front()};
    EXPECT_EQ(people.drive(command({"backup", "prove", (outputs() / "backup").string(), "--key",
                                    (outputs() / "audit.pub.pem").string()})),
              0)
        << people.output();
    EXPECT_NE(people.output().find("example.root/1"), std::string::npos);
}

TEST_F(Ceremony, KilledAtEachStepItGoesOn) {
    directory.write("root.yaml", small_plan(), 0644);
    for (int step = 1; step <= 8; ++step) {
        SCOPED_TRACE(step);
        const auto killed = people.drive(run_command(), "step " + std::to_string(step) + " of");
        if (killed == 0) {
            EXPECT_GE(step, 7) << "the ceremony ended early";
            break;
        }
        ASSERT_EQ(killed, -9) << people.output();
    }
    ASSERT_EQ(people.drive(run_command()), 0) << people.output();
    const auto verified = ctl({"ceremony", "verify", transcript().string(), "--ceremony", plan()});
    EXPECT_EQ(verified.code, 0) << verified.output;
    const auto text = read(transcript());
    EXPECT_NE(text.find("\"resumed\""), std::string::npos) << "the transcript tells of the interruptions";
    const auto audit = ctl({"--config", config(), "audit", "verify"});
    EXPECT_EQ(audit.code, 0) << audit.output;
    const auto rows =
        testing::run({"/usr/bin/sqlite3", "-readonly", (directory / "root-appliance/data/signet.db").string(),
                      "select count(*), count(distinct label) from token_keys"});
    EXPECT_EQ(rows.output, "3|3\n") << "no key was made twice";
}

// Killed again and again, each time a few lines of the journal further: before, in and after each effect.
TEST_F(Ceremony, WhatWasDoneIsNeverDoneAgain) {
    directory.write("root.yaml", small_plan(), 0644);
    const auto lines = [&] {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(directory / "root-appliance/state", ignored)) {
            if (entry.path().extension() != ".journal") continue;
            const auto text = read(entry.path());
            return static_cast<std::size_t>(std::ranges::count(text, '\n'));
        }
        return std::size_t{0};
    };
    int kills = 0;
    for (int code = -9; code != 0; ++kills) {
        const auto before = lines();
        // Two lines say that it was resumed; the first one after them is of a step.
        people.stop_when = [&] { return lines() >= before + 3; };
        code = people.drive(run_command());
        ASSERT_TRUE(code == 0 || code == -9) << people.output();
        ASSERT_LT(kills, 60) << people.output();
    }
    EXPECT_GT(kills, 10);
    const auto verified = ctl({"ceremony", "verify", transcript().string(), "--ceremony", plan()});
    EXPECT_EQ(verified.code, 0) << verified.output;
    const auto database = (directory / "root-appliance/data/signet.db").string();
    EXPECT_EQ(
        testing::run({"/usr/bin/sqlite3", "-readonly", database, "select count(*) from token_keys"}).output,
        "3\n");
    EXPECT_EQ(
        testing::run({"/usr/bin/sqlite3", "-readonly", database, "select count(*) from certificates"}).output,
        "2\n")
        << "no certificate was issued twice";
    const auto audit = ctl({"--config", config(), "audit", "verify"});
    EXPECT_EQ(audit.code, 0) << audit.output;
}

TEST_F(Ceremony, FaultsAreFoundBeforeAnythingIsTouched) {
    const std::vector<std::pair<std::string, std::string>> changes{
        {"algorithm: ec-p384, usages: certify", "algorithm: ec-p384, usages: mac"},
        {"usages: certify, extractable: true, backup: true }\n\ncertificates",
         "usages: sign }\n\ncertificates"},
        {"kind: self-signed", "kind: selfsigned"},
        {"threshold: 2", "threshold: 4"},
        {"validity: 1825d", "validity: 9999d"},
        {"path_length: 0", "path_length: 3"},
        {"role: officer }\n  - { name: Bob Example, role: officer }", "role: officer }"},
        {"label: example.issuing,", "label: example.root,"},
        {"C=SG\"\n    profile: root-ca", "C=Singapore\"\n    profile: root-ca"},
        {"# date: \"2026-01-31\"", "date: \"2001-01-31\""},
        {"issuer: root", "issuer: nobody"},
        {"file: issuing.pem", "file: ../issuing.pem"},
        {"file: issuing.pem", "file: root.pem"},
    };
    for (const auto& [what, by] : changes) {
        directory.write("root.yaml", replaced(example("root.yaml"), what, by), 0644);
        const auto checked = ctl({"ceremony", "check", plan(), "--site", (directory / "site.yaml").string()});
        EXPECT_NE(checked.code, 0) << by << "\n" << checked.output;
        EXPECT_FALSE(fs::exists(directory / "root-appliance"));
    }
    directory.write("root.yaml", example("root.yaml"), 0644);
    directory.write("site.yaml", replaced(example("site.yaml"), "libsofthsm2.so", "nothing.so"), 0644);
    EXPECT_EQ(ctl({"ceremony", "check", plan(), "--site", (directory / "site.yaml").string()}).code, 8);
}

// The appliance that a first ceremony made: an intermediate's request, another CA's certificate, and the end of a key.
TEST_F(Ceremony, ASecondOneSignsForOthersAndDestroys) {
    directory.write("root.yaml", small_plan(), 0644);
    ASSERT_EQ(people.drive(run_command()), 0) << people.output();
    const auto path = [&](const char* name) { return (directory / name).string(); };
    ASSERT_EQ(Appliance::openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                  "-nodes", "-keyout", path("other.key"), "-subj",
                                  "/CN=Other Issuing/O=Other Ltd", "-out", path("other.csr")})
                  .code,
              0);
    ASSERT_EQ(
        Appliance::openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", path("their.key"), "-subj", "/CN=Their Root", "-days", "3000",
                            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", path("their.pem")})
            .code,
        0);
    for (const auto* name : {"other.csr", "their.pem"})
        directory.write(name, read(directory / name), 0644);
    directory.write("root.pem", read(outputs() / "root.pem"), 0644);
    const auto sha256 = [&](const char* name) {
        const auto out = Appliance::openssl({"dgst", "-sha256", "-r", path(name)});
        return out.output.substr(0, 64);
    };
    const auto text =
        "ceremony: Second\nparticipants:\n  - { name: Alice Example, role: officer }\n"
        "  - { name: Bob Example, role: officer }\n  - { name: Frank Example, role: operator }\n"
        "token: { label: example-root }\nexisting_keys:\n"
        "  - { label: example.root, algorithm: ec-p384, usages: certify, certificate: root.pem, "
        "certificate_sha256: " +
        sha256("root.pem") +
        " }\n"
        "certificates:\n"
        "  - { name: other, kind: csr, issuer: example.root, csr: other.csr, sha256: " +
        sha256("other.csr") +
        ", subject: \"O=Other Ltd,CN=Other Issuing\", profile: intermediate-ca, validity: 100d, file: "
        "other.pem }\n"
        "  - { name: their, kind: cross-sign, issuer: example.root, certificate: their.pem, sha256: " +
        sha256("their.pem") +
        ", profile: intermediate-ca, validity: 100d, file: crossed.pem }\n"
        "destroy:\n  - { label: example.issuing, version: 1, reason: replaced }\n";
    directory.write("root.yaml", text, 0644);
    ASSERT_EQ(people.drive(command({"ceremony", "rehearse", plan(), "--out", path("rehearsal")})), 0)
        << people.output();
    std::vector<std::string> second{
        Appliance::program("signetctl").string(), "--config", config(), "ceremony", "run", plan()};
    ASSERT_EQ(people.drive(second, "destroy the key"), -9) << people.output();
    ASSERT_EQ(people.drive(second), 0) << people.output();
    for (const auto* name : {"other.pem", "crossed.pem"}) {
        const auto chain =
            Appliance::openssl({"verify", "-x509_strict", "-CAfile", (outputs() / "root.pem").string(),
                                (outputs() / name).string()});
        EXPECT_EQ(chain.code, 0) << chain.output;
    }
    const auto database = (directory / "root-appliance/data/signet.db").string();
    EXPECT_EQ(testing::run({"/usr/bin/sqlite3", "-readonly", database,
                            "select state from token_keys where label = 'example.issuing'"})
                  .output,
              "5\n")
        << "destroyed";
    // Another request than the reviewed one is not signed.
    directory.write("other.csr", read(directory / "other.csr") + "\n", 0644);
    directory.write("root.yaml", text + "# another day\n", 0644);
    const auto changed = testing::run(
        {Appliance::program("signetctl").string(), "--config", config(), "ceremony", "check", plan()});
    EXPECT_EQ(changed.code, 8);
    EXPECT_NE(changed.output.find("is not the file that was reviewed"), std::string::npos) << changed.output;
}

TEST_F(Ceremony, OnlyOfficersAtATerminalConfirm) {
    const auto piped = testing::run(run_command(), {.input = "Alice Example\nBob Example\n"});
    EXPECT_NE(piped.code, 0);
    EXPECT_NE(piped.output.find("at a terminal"), std::string::npos) << piped.output;
    EXPECT_FALSE(fs::exists(directory / "root-appliance"));

    auto hasty = run_command();
    hasty.emplace_back("--yes");
    people.confirm = false;
    EXPECT_NE(people.drive(hasty), 0) << "--yes is no officer";
    EXPECT_NE(people.output().find("did not confirm"), std::string::npos) << people.output();
}

TEST_F(Ceremony, ATamperedTranscriptIsFound) {
    directory.write("root.yaml", small_plan(), 0644);
    ASSERT_EQ(people.drive(run_command()), 0) << people.output();
    const auto whole = read(transcript());
    const auto path = transcript();
    const auto verify = [&](const std::string& text) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
        return ctl({"ceremony", "verify", path.string()}).code;
    };
    EXPECT_EQ(verify(whole), 0);
    EXPECT_EQ(verify(replaced(whole, "Alice Example", "Alice Examplf")), 8);
    EXPECT_EQ(verify(replaced(whole, "\"state\":\"done\"", "\"state\":\"dome\"")), 8);
    EXPECT_EQ(verify(replaced(whole, "ceremony.transcript", "ceremony.transcripT")), 8);
    EXPECT_EQ(verify(replaced(whole, "\"previous\":\"", "\"previous\":\"0")), 8);
    EXPECT_EQ(verify(replaced(whole, "\"rehearsal\":false", "\"rehearsal\":true")), 8);
    const auto signature = whole.find("\"signature\":\"") + 30;
    auto forged = whole;
    forged[signature] = forged[signature] == '0' ? '1' : '0';
    EXPECT_EQ(verify(forged), 8);
    EXPECT_EQ(verify("{}"), 8);
    // Another appliance's audit key.
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole;
    EXPECT_EQ(ctl({"ceremony", "verify", path.string(), "--key",
                   (fs::path(SIGNET_SOURCE_ROOT) / "tests/data/pki/public-p256.pem").string()})
                  .code,
              8);
}

}  // namespace
}  // namespace signet::testing
