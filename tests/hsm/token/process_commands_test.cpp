// The subcommands and the configuration, by the real program.
#include "hsm/frames/exit_codes.h"
#include "tests/hsm/token/process_test.h"

namespace signet::testing {
namespace {

class Commands : public ProcessTest {
  protected:
    Ended command(std::string name, std::vector<std::string> more = {}, std::string input = {}) {
        std::vector<std::string> arguments{std::move(name), "--config", process.config().string()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return process.run_command(std::move(arguments), std::move(input));
    }
};

TEST_F(Commands, CheckAcceptsAGoodConfiguration) {
    const auto ended = command("check");
    EXPECT_EQ(ended.code, 0) << ended.output;
}

TEST_F(Commands, CheckNamesFileLineAndWhatWasExpected) {
    struct Case {
        std::string key, value, expected;
    };
    for (const auto& [key, value, expected] :
         {Case{"modul", "x", "did you mean 'module'?"}, Case{"threads", "0", "from 1 to 64"},
          Case{"threads", "many", "expected a whole number"},
          Case{"request_deadline", "10", "expected a duration"},
          Case{"request_deadline", "1ms", "from 100ms"}, Case{"memory_limit", "5", "at least 8MiB"},
          Case{"allowed_users", "[no-such-user-here]", "no user 'no-such-user-here'"},
          Case{"socket_group", "no-such-group-here", "no group"},
          Case{"token", "{ slot: 3 }", "unknown key 'slot'"},
          Case{"token", "{ label: a, serial: b }", "either label or serial"},
          Case{"pin_credential", "x", "either pin_file or pin_credential"},
          Case{"session_copies", "yes", "true or false"}, Case{"pin_file", "missing", "missing"},
          Case{"in_clear", "{ oaep: true }", "unknown key 'oaep'"},
          Case{"in_clear", "{ software_oaep: 1 }", "true or false"},
          Case{"module", "/nowhere.so", "cannot be read"}}) {
        TokenProcess other{SIGNETD_TOKEN};
        other.set(key, value);
        const auto ended = other.run_command({"check", "--config", other.config().string()});
        EXPECT_EQ(ended.code, token::kExitConfiguration) << key;
        EXPECT_NE(ended.output.find(expected), std::string::npos) << ended.output;
    }
}

TEST_F(Commands, TheSwitchesOfWhatIsDoneInClearReachTheWorker) {
    process.set("in_clear", "{ merchant_keys: true }");
    serve();
    EXPECT_TRUE(client->generate_clear({KeyAlgorithm::rsa_2048}, soon()));
    ASSERT_TRUE(client->generate_key({{"decrypt", 1}, KeyAlgorithm::rsa_2048, KeyUsage::decrypt}, soon()));
    const DecryptRequest request{
        KeyId{"decrypt", 1}, HashAlgorithm::sha256, HashAlgorithm::sha256, {}, Bytes(256, 1)};
    EXPECT_EQ(client->decrypt(request, soon()).error().code, ErrorCode::failed_precondition);

    ASSERT_EQ(process.stop(), 0);
    process.set("in_clear", "{ software_oaep: true }");
    process.start();
    client = process.serving_client();
    ASSERT_TRUE(client) << process.log();
    EXPECT_EQ(client->decrypt(request, soon()).error().code, ErrorCode::token_refused) << "tried, and wrong";
    EXPECT_EQ(client->generate_clear({KeyAlgorithm::rsa_2048}, soon()).error().code,
              ErrorCode::failed_precondition);
}

TEST_F(Commands, ReAnchorWorksOfflineAndSaysWhatItDid) {
    serve();
    ASSERT_TRUE(client->generate_key({{"audit", 1}, KeyAlgorithm::ec_p256, KeyUsage::audit}, soon()));
    ASSERT_TRUE(client->sign_checkpoint({{"audit", 1}, 9, {}}, soon()));
    const std::vector<std::string> arguments{"--sequence",         "4",        "--head",
                                             std::string(64, 'a'), "--reason", "restored"};
    const auto served = command("re-anchor", arguments);
    EXPECT_EQ(served.code, token::kExitFailed);
    EXPECT_NE(served.output.find("stop it"), std::string::npos) << served.output;
    ASSERT_EQ(process.stop(), 0);

    const auto wrong = command("re-anchor", {"--sequence", "4", "--head", "abc", "--reason", "restored"});
    EXPECT_EQ(wrong.code, token::kExitUsage) << wrong.output;
    const auto done = command("re-anchor", arguments);
    EXPECT_EQ(done.code, 0) << done.output;
    EXPECT_NE(done.output.find("before: sequence 9"), std::string::npos) << done.output;
    EXPECT_NE(done.output.find("now:    sequence 4"), std::string::npos) << done.output;

    process.start();
    client = process.serving_client();
    ASSERT_TRUE(client) << process.log();
    const auto anchor = client->read_anchor(soon());
    ASSERT_TRUE(anchor && *anchor);
    EXPECT_EQ((*anchor)->sequence, 4U);
    EXPECT_TRUE(client->sign_checkpoint({{"audit", 1}, 5, {}, 4, (*anchor)->head}, soon()));
}

TEST_F(Commands, APinFileThatOthersMayReadIsRefused) {
    process.directory().write("open-pin", "1234", 0644);
    process.set("pin_file", "open-pin");
    process.start();
    EXPECT_EQ(process.process().wait(), token::kExitConfiguration);
    EXPECT_NE(process.log().find("chmod 600"), std::string::npos) << process.log();
}

TEST_F(Commands, ThePinMayComeFromASystemdCredential) {
    const auto credentials = process.directory().make_directory("credentials");
    process.directory().write("credentials/token.pin", std::string(process.token().pin().text()) + "\n",
                              0440);
    process.set("pin_file", "");
    process.set("pin_credential", "token.pin");
    process.set_environment("CREDENTIALS_DIRECTORY", credentials.string());
    serve();
    EXPECT_TRUE(signs());
}

TEST_F(Commands, InitTokenMakesATokenThatIsServed) {
    process.set("token", "{ label: fresh }");
    process.directory().write("new-pin", "a-new-pin\n", 0600);
    process.set("pin_file", "new-pin");
    const auto made = command("init-token", {"--so-pin-file", "-"}, "an-so-pin\n");
    ASSERT_EQ(made.code, 0) << made.output;
    EXPECT_NE(made.output.find("fresh"), std::string::npos);
    const auto again = command("init-token", {"--so-pin-file", "-"}, "an-so-pin\n");
    EXPECT_EQ(again.code, token::kExitFailed) << again.output;
    serve();
    EXPECT_EQ(client->status(soon())->label, "fresh");
    EXPECT_TRUE(signs());
}

TEST_F(Commands, BenchRawPrintsOneRunForEachCase) {
    serve();
    ASSERT_TRUE(client->generate_key({{"document.mac", 1}, KeyAlgorithm::hmac_256, KeyUsage::mac}, soon()));
    const auto ended = command("bench-raw", {"--seconds", "0.2", "--threads", "2", "--case", "signer:ES256",
                                             "--case", "document.mac/1:HS256"});
    ASSERT_EQ(ended.code, 0) << ended.output;
    EXPECT_NE(ended.output.find(R"({"runs":[{"algorithm":"ES256","ops_per_s":)"), std::string::npos)
        << ended.output;
    EXPECT_NE(ended.output.find(R"({"algorithm":"HS256","ops_per_s":)"), std::string::npos) << ended.output;
    EXPECT_EQ(command("bench-raw", {"--case", "signer:XX"}).code, token::kExitFailed);
    EXPECT_EQ(command("bench-raw", {"--case", "signer/0:ES256"}).code, token::kExitFailed);
}

TEST_F(Commands, UsageErrorsHaveTheirCode) {
    EXPECT_EQ(process.run_command({"--no-such-option"}).code, token::kExitUsage);
    EXPECT_EQ(process.run_command({"init-token", "--config", "x"}).code, token::kExitUsage);
    EXPECT_EQ(process.run_command({"--help"}).code, 0);
    EXPECT_EQ(command("clear-pin-marker").code, 0);
}

}  // namespace
}  // namespace signet::testing
