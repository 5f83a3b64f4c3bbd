// A broken, slow or vanished token degrades the service; it never hangs it, and recovery needs no restart by hand.
#include "tests/hsm/token/process_test.h"

namespace signet::testing {
namespace {

using Recovery = ProcessTest;

TEST_F(Recovery, AWorkerThatIsKilledUnderLoadIsReplaced) {
    serve();
    Load load(*client);
    for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(load.goes_on());
        const auto pid = worker();
        ASSERT_EQ(kill(pid, SIGKILL), 0);
        EXPECT_TRUE(eventually([&] { return worker() != pid; })) << process.log();
    }
    ASSERT_TRUE(load.goes_on());
    load.stop();
    EXPECT_TRUE(load.only({ErrorCode::token_unavailable})) << load.last_error();
    EXPECT_GE(client->status(soon())->workers_started, 4U);
    EXPECT_TRUE(process.process().running());
}

TEST_F(Recovery, AWorkerThatIsStoppedIsKilledAndReplaced) {
    process.set("request_deadline", "1s");
    serve();
    Load load(*client, 4, 3s);
    ASSERT_TRUE(load.goes_on());
    const auto pid = worker();
    ASSERT_EQ(kill(pid, SIGSTOP), 0);
    EXPECT_TRUE(load.fails());
    EXPECT_TRUE(load.goes_on()) << process.log();
    load.stop();
    EXPECT_NE(worker(), pid);
    EXPECT_TRUE(load.only({ErrorCode::token_unavailable, ErrorCode::deadline_exceeded})) << load.last_error();
}

class FaultyModule : public ProcessTest {
  protected:
    FaultyModule() {
        // Where the service user can read it, wherever the build tree is.
        std::filesystem::copy_file(SIGNET_HANGING_MODULE, process.directory() / "module.so");
        std::filesystem::permissions(process.directory() / "module.so", std::filesystem::perms(0755));
        process.set("module", (process.directory() / "module.so").string());
        process.set("quirks", "softhsm");
        process.set("request_deadline", "1s");
        process.set_environment("SIGNET_TEST_MODULE_FAULT", (process.directory() / "fault").string());
    }
    void fault(std::string_view word) {
        if (word.empty())
            std::filesystem::remove(process.directory() / "fault");
        else
            process.directory().write("fault", word, 0644);
    }
};

TEST_F(FaultyModule, AHangingModuleCostsItsWorkerAndNothingElse) {
    serve();
    Load load(*client, 4, 3s);
    ASSERT_TRUE(load.goes_on());
    fault("hang");
    EXPECT_TRUE(load.fails());
    EXPECT_TRUE(eventually([&] { return process.log().find("token.worker.hung") != std::string::npos; }))
        << process.log();
    fault("");
    EXPECT_TRUE(load.goes_on()) << load.last_error() << process.log();
    load.stop();
    EXPECT_TRUE(load.only({ErrorCode::token_unavailable, ErrorCode::deadline_exceeded})) << load.last_error();
}

TEST_F(FaultyModule, AModuleThatHangsWhileItOpensIsKilledAndTriedAgain) {
    fault("hang");
    process.start();
    client = process.client();
    const auto answer = client->sign(sign_request(), soon());
    ASSERT_TRUE(eventually([&] { return !client->random(8, Deadline::in(1s)); }));
    ASSERT_TRUE(eventually(
        [&] { return process.log().find("opening the token did not come back") != std::string::npos; }, 40s))
        << process.log();
    fault("");
    EXPECT_TRUE(eventually([&] { return client->random(8, soon()).has_value(); })) << process.log();
}

TEST_F(FaultyModule, ASlowModuleIsServedSlowlyAndStaysWithinItsBounds) {
    process.set("threads", "2");
    serve();
    fault("slow");
    std::vector<std::thread> threads;
    std::atomic<int> good{0}, late{0}, other{0};
    for (int i = 0; i < 40; ++i) {
        threads.emplace_back([&] {
            const auto answer = client->sign(sign_request(), Deadline::in(2s));
            if (answer)
                ++good;
            else if (answer.error().code == ErrorCode::deadline_exceeded)
                ++late;
            else
                ++other;
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_GT(good, 0);
    EXPECT_GT(late, 0) << "40 calls of 300 ms on 2 threads cannot all end within 2 s";
    EXPECT_EQ(other, 0);
    fault("");
    EXPECT_TRUE(recovers());
    EXPECT_EQ(client->status(soon())->workers_started, 1U) << "slow is not hung";
}

TEST_F(Recovery, ATokenDirectoryThatIsMovedAwayAndBackUnderLoad) {
    serve();
    Load load(*client, 4);
    ASSERT_TRUE(load.goes_on());
    const auto tokens = process.token().token_directory();
    std::filesystem::rename(tokens, tokens.string() + ".away");
    EXPECT_TRUE(load.fails());
    // Clear for as long as it lasts: no hang, no crash, and the reason.
    EXPECT_TRUE(eventually([&] {
        const auto answer = client->sign(sign_request(), soon());
        return !answer && answer.error().code == ErrorCode::token_unavailable &&
               answer.error().message.find("token") != std::string::npos;
    }));
    std::filesystem::rename(tokens.string() + ".away", tokens);
    EXPECT_TRUE(load.goes_on()) << load.last_error() << process.log();
    load.stop();
    EXPECT_TRUE(load.only({ErrorCode::token_unavailable})) << load.last_error();
    EXPECT_TRUE(process.process().running());
}

TEST_F(Recovery, AMissingModuleIsSaidAndUsedOnceItIsThere) {
    const auto module = process.directory() / "later.so";
    process.set("module", module.string());
    process.set("quirks", "softhsm");
    process.start();
    client = process.client();
    ASSERT_TRUE(eventually([&] {
        const auto answer = client->random(8, soon());
        return !answer && answer.error().code == ErrorCode::token_unavailable &&
               answer.error().message.find("later.so") != std::string::npos;
    })) << process.log();
    std::filesystem::copy_file(SoftHsmToken::module(), module);
    EXPECT_TRUE(eventually([&] { return client->random(8, soon()).has_value(); })) << process.log();
}

TEST_F(Recovery, ATruncatedTokenObjectIsRestoredFromItsCopy) {
    serve();
    ASSERT_EQ(process.stop(), 0);
    const auto object = process.token().object_directory() / "token.object";
    std::filesystem::permissions(object, std::filesystem::perms(0600));
    std::filesystem::resize_file(object, 0);
    process.start();
    EXPECT_TRUE(recovers()) << process.log();
    EXPECT_NE(process.log().find("token.object.restored"), std::string::npos);
    EXPECT_GT(std::filesystem::file_size(object), 0U);
}

TEST_F(Recovery, AKilledSupervisorTakesItsWorkerAlongAndTheNextOneServes) {
    serve();
    const auto pid = worker();
    process.process().signal(SIGKILL);
    ASSERT_TRUE(process.process().wait());
    EXPECT_TRUE(eventually([&] { return kill(pid, 0) != 0; }));
    EXPECT_TRUE(std::filesystem::exists(process.socket())) << "left behind; the next one removes it";
    EXPECT_FALSE(client->sign(sign_request(), soon()));
    process.start();
    EXPECT_TRUE(recovers()) << process.log();
}

}  // namespace
}  // namespace signet::testing
