// The custodians' socket of the real supervisor: PIN and SO PIN in shares, an attended start, changes under load.
#include "hsm/custody/client.h"
#include "hsm/custody/share_text.h"
#include "hsm/frames/exit_codes.h"
#include "tests/hsm/token/process_test.h"

namespace signet::testing {
namespace {

using custody::Ask;
using custody::CustodyClient;
using custody::Purpose;
using custody::Share;

const std::vector<std::string> kNames{"Carol", "Dave", "Erin"};

class ProcessCustody : public ProcessTest {
  protected:
    ProcessCustody() {
        // Files that the supervisor itself may write: a PIN change replaces them.
        process.directory().write("pin", std::string(process.token().pin().text()));
        process.directory().write("so-pin", std::string(process.token().so_pin().text()));
        process.set("pin_file", "pin");
        process.set("so_pin_file", "so-pin");
        process.set("pin_shares", "pin-shares.yaml");
        process.set("custody_socket", "run/custody.sock");
        process.set("custodians", "[" + std::to_string(geteuid()) + "]");
    }
    CustodyClient desk() const {
        const auto socket = process.directory() / "run/custody.sock";
        EXPECT_TRUE(eventually([&] { return CustodyClient::connect(socket).has_value(); }));
        return CustodyClient::connect(socket).value();
    }
    // Everybody writes their share down and confirms it.
    std::vector<Share> deal(Purpose purpose, unsigned threshold, std::vector<std::string> names) {
        const auto custody_client = desk();
        EXPECT_TRUE(custody_client.ask(
            {.ask = Ask::deal, .purpose = purpose, .number = threshold, .custodians = names}));
        std::vector<Share> out;
        for (unsigned number = 1; number <= names.size(); ++number) {
            auto taken = custody_client.ask({.ask = Ask::take, .number = number});
            EXPECT_TRUE(taken);
            EXPECT_TRUE(custody_client.ask(
                {.ask = Ask::confirm, .number = number, .check = custody::share_checksum(taken->share)}));
            out.push_back(std::move(taken->share));
        }
        const auto finished = custody_client.ask({.ask = Ask::finish, .purpose = purpose});
        EXPECT_TRUE(finished) << finished.error().message;
        return out;
    }
    void await_change() {
        const auto custody_client = desk();
        ASSERT_TRUE(eventually([&] { return !custody_client.status()->changing; }, 60s));
        ASSERT_EQ(custody_client.status()->last, "ok") << process.log();
    }
    Result<custody::Answer> give(const Share& share, Purpose purpose = Purpose::pin,
                                 std::string header = {}) {
        return desk().ask(
            {.ask = Ask::give, .purpose = purpose, .header = std::move(header), .share = share.clone()});
    }
    bool exists(const char* name) const { return std::filesystem::exists(process.directory() / name); }
    void restart() {
        ASSERT_EQ(process.stop(), 0) << process.log();
        process.start();
    }
};

TEST_F(ProcessCustody, AStartWaitsForEnoughRightSharesAndNamesTheWrongOnes) {
    serve();
    const auto shares = deal(Purpose::pin, 2, kNames);
    await_change();
    EXPECT_FALSE(exists("pin")) << "the PIN's file opens nothing any more and is gone";
    EXPECT_FALSE(exists("so-pin"));
    EXPECT_TRUE(recovers()) << process.log();
    restart();

    const auto waiting = desk().status();
    ASSERT_TRUE(waiting);
    EXPECT_TRUE(waiting->locked);
    auto mistyped = shares[0].clone();
    mistyped.value.data()[7] ^= 1;
    const auto wrong = give(mistyped);
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().message.find("share 1 (Carol)"), std::string::npos) << wrong.error().message;
    const auto foreign = custody::deal(Purpose::pin, custody::new_key(), 2, kNames).value();
    EXPECT_NE(give(foreign.shares[0]).error().message.find("of the set"), std::string::npos);

    const auto first = give(shares[0]);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_EQ(first->status.sets.at(0).given, std::vector<std::string>{"Carol"});
    EXPECT_TRUE(first->status.locked) << "one is not enough";
    const auto twice = give(shares[0]);
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, ErrorCode::already_exists);
    EXPECT_FALSE(client->status(soon()).has_value());

    // From another terminal.
    const auto second = give(shares[2]);
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_FALSE(second->status.locked);
    EXPECT_TRUE(recovers()) << process.log();
}

TEST_F(ProcessCustody, SharesAreForgottenAfterTheirTime) {
    process.set("unlock_time", "1s");
    serve();
    const auto shares = deal(Purpose::pin, 2, kNames);
    await_change();
    restart();
    ASSERT_TRUE(give(shares[0]));
    EXPECT_TRUE(eventually([&] { return desk().status()->sets.at(0).given.empty(); }));
    EXPECT_TRUE(give(shares[0])) << "and may be given again";
}

TEST_F(ProcessCustody, ANewSetTakesAnOldOneOutOfService) {
    serve();
    const auto old = deal(Purpose::pin, 2, kNames);
    await_change();
    // Whoever holds the present shares decides.
    const auto refused =
        desk().ask({.ask = Ask::deal, .purpose = Purpose::pin, .number = 2, .custodians = kNames});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::failed_precondition);
    ASSERT_TRUE(give(old[0]));
    ASSERT_TRUE(give(old[1]));
    ASSERT_TRUE(recovers());
    const auto renewed = deal(Purpose::pin, 2, {"Carol", "Dave"});
    await_change();
    restart();
    EXPECT_FALSE(give(old[2])) << "Erin is out of service";
    ASSERT_TRUE(give(renewed[0]));
    ASSERT_TRUE(give(renewed[1]));
    EXPECT_TRUE(recovers()) << process.log();
}

TEST_F(ProcessCustody, APinChangeUnderLoadLosesNoRequest) {
    serve();
    const auto old = worker();
    {
        Load load(*client);
        ASSERT_TRUE(load.goes_on());
        ASSERT_TRUE(desk().ask({.ask = Ask::change_pin}));
        await_change();
        ASSERT_TRUE(eventually([&] { return worker() != old; })) << "a new worker took over";
        ASSERT_TRUE(load.goes_on());
        load.stop();
        EXPECT_TRUE(load.failures().empty()) << load.last_error();
    }
    restart();
    EXPECT_TRUE(recovers()) << "the new PIN is in its file: " << process.log();
}

// Both credentials are there, and nobody knows which one the token took.
TEST_F(ProcessCustody, AfterACrashInAChangeEachCredentialIsTriedOnce) {
    serve();
    ASSERT_EQ(process.stop(), 0);
    const auto good = process.token().pin();
    // Killed after the token took the next PIN and before it was promoted.
    process.directory().write("pin", "not-the-pin-any-more");
    process.directory().write("pin.next", std::string(good.text()));
    process.start();
    client = process.serving_client();
    ASSERT_NE(client, nullptr) << process.log();
    EXPECT_FALSE(exists("pin.next"));
    EXPECT_FALSE(exists("state/pin-refused"));
    ASSERT_EQ(process.stop(), 0);

    // Killed before the token took it.
    process.directory().write("pin.next", "never-set");
    process.start();
    client = process.serving_client();
    ASSERT_NE(client, nullptr) << process.log();
    EXPECT_FALSE(exists("pin.next"));
    ASSERT_EQ(process.stop(), 0);

    // Neither is right: two tries, then never again.
    process.directory().write("pin", "wrong-one");
    process.directory().write("pin.next", "wrong-two");
    process.start();
    EXPECT_EQ(process.process().wait(60s), token::kExitPin) << process.log();
    EXPECT_TRUE(exists("state/pin-refused"));
}

TEST_F(ProcessCustody, ABackupKeyIsThereForItsCustodiansTimeOnly) {
    serve();
    ASSERT_TRUE(client->generate_key({{"kept", 1}, KeyAlgorithm::ec_p256, KeyUsage::sign, true}, soon()));
    EXPECT_FALSE(client->wrap_for_backup({"kept", 1}, soon()));
    const auto shares = deal(Purpose::backup, 2, kNames);
    ASSERT_TRUE(eventually([&] { return client->wrap_for_backup({"kept", 1}, soon()).has_value(); }))
        << process.log();
    const auto wrapped = client->wrap_for_backup({"kept", 1}, soon());
    ASSERT_TRUE(desk().ask({.ask = Ask::forget}));
    EXPECT_TRUE(eventually([&] { return !client->wrap_for_backup({"kept", 1}, soon()).has_value(); }));
    ASSERT_TRUE(client->destroy_key({"kept", 1}, soon()));
    ASSERT_TRUE(give(shares[1], Purpose::backup));
    ASSERT_TRUE(give(shares[2], Purpose::backup));
    EXPECT_TRUE(eventually([&] { return client->restore_key(*wrapped, soon()).has_value(); }))
        << process.log();
}

}  // namespace
}  // namespace signet::testing
