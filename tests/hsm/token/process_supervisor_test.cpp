#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstring>
#include <future>

#include "base/file.h"
#include "base/unique_fd.h"
#include "hsm/frames/exit_codes.h"
#include "hsm/frames/frame.h"
#include "hsm/frames/messages.h"
#include "hsm/pkcs11/init_token.h"
#include "tests/hsm/token/process_test.h"

namespace signet::testing {
namespace {

using Supervisor = ProcessTest;

TEST_F(Supervisor, ServesAndEndsOnSigterm) {
    serve();
    const auto status = client->status(soon());
    ASSERT_TRUE(status);
    EXPECT_EQ(status->label, "signet");
    EXPECT_EQ(status->supervisor_pid, static_cast<std::uint64_t>(process.process().pid()));
    EXPECT_NE(status->worker_pid, status->supervisor_pid);
    EXPECT_EQ(status->workers_started, 1U);
    EXPECT_GT(status->resident_bytes, std::uint64_t{1} << 20);
    struct stat info{};
    ASSERT_EQ(::stat(process.socket().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, service_user() ? 0666U : 0600U) << "as the users say who may connect";
    EXPECT_EQ(process.stop(), token::kExitOk) << process.log();
    EXPECT_FALSE(std::filesystem::exists(process.socket()));
}

TEST_F(Supervisor, MapsNoModuleAndKeepsThePinOutOfSight) {
    serve();
    const auto supervisor = std::to_string(process.process().pid());
    const auto read_proc = [&](const std::string& pid, const std::string& what) {
        return run({"/bin/cat", "/proc/" + pid + "/" + what}, {.as_service_user = false}).output;
    };
    EXPECT_EQ(read_proc(supervisor, "maps").find("softhsm"), std::string::npos);
    const auto pin = std::string(process.token().pin().text());
    for (const auto& pid : {supervisor, std::to_string(worker())}) {
        for (const auto* what : {"cmdline", "environ"})
            EXPECT_EQ(read_proc(pid, what).find(pin), std::string::npos);
    }
    EXPECT_EQ(process.log().find(pin), std::string::npos);
}

TEST_F(Supervisor, DrainsOnSigtermWithoutLosingWhatIsInFlight) {
    serve();
    auto generated = std::async(std::launch::async, [&] {
        return client->generate_key({{"slow", 1}, KeyAlgorithm::rsa_3072, KeyUsage::sign}, soon());
    });
    // Status waits in the same lane: once it is late, the generation is under way.
    EXPECT_TRUE(eventually([&] {
        return !client->status(Deadline::in(50ms)) || generated.wait_for(0s) == std::future_status::ready;
    }));
    EXPECT_EQ(process.stop(), token::kExitOk);
    const auto key = generated.get();
    EXPECT_TRUE(key) << key.error().message << process.log();
}

TEST_F(Supervisor, AGentleSwapUnderLoadLosesNoRequest) {
    serve();
    Load load(*client);
    for (std::uint64_t round = 2; round <= 4; ++round) {
        ASSERT_TRUE(load.goes_on());
        process.process().signal(SIGUSR1);
        ASSERT_TRUE(eventually([&] {
            const auto status = client->status(soon());
            return status && status->workers_started >= round;
        })) << process.log();
    }
    ASSERT_TRUE(load.goes_on());
    load.stop();
    EXPECT_TRUE(load.failures().empty()) << load.last_error() << process.log();
    EXPECT_TRUE(eventually([&] {
        const auto log = process.log();
        std::size_t ended = 0;
        for (auto at = log.find("token.worker.ended"); at != std::string::npos;
             at = log.find("token.worker.ended", at + 1))
            ++ended;
        return ended == 3;
    })) << "the old workers end once their clients left: "
        << process.log();
}

TEST_F(Supervisor, AWorkerOverItsMemoryLimitIsSwappedGently) {
    process.set("memory_limit", "8MiB");
    serve();
    // SoftHSM's leaks take long to show; this worker is over its limit from the start.
    ASSERT_GT(client->status(soon())->resident_bytes, std::uint64_t{8} << 20) << "choose a lower limit";
    Load load(*client, 2);
    EXPECT_TRUE(eventually([&] { return client->status(soon())->workers_started >= 2; }, 40s))
        << process.log();
    load.stop();
    EXPECT_TRUE(load.failures().empty()) << load.last_error();
    EXPECT_NE(process.log().find("over its memory limit"), std::string::npos);
}

TEST_F(Supervisor, AWrongPinIsTriedOnceAndNeverAgain) {
    const auto right_pin = process.token().pin();
    process.directory().write("wrong-pin", "not-the-pin", 0600);
    process.set("pin_file", "wrong-pin");
    process.start();
    ASSERT_EQ(process.process().wait(), token::kExitPin) << process.log();
    const auto marker = process.state() / "pin-refused";
    ASSERT_TRUE(std::filesystem::exists(marker));
    EXPECT_NE(read_file(marker)->find("clear-pin-marker"), std::string::npos);
    EXPECT_EQ(process.log().find("not-the-pin"), std::string::npos);

    // With the right PIN as well: only an operator opens the way again, and no worker is started before.
    process.set("pin_file", process.token().pin_file().string());
    process.start();
    ASSERT_EQ(process.process().wait(), token::kExitPin) << process.log();
    EXPECT_EQ(process.log().find("token.open.failed"), std::string::npos) << "it logged in";
    EXPECT_NE(process.log().find("clear-pin-marker --config"), std::string::npos) << process.log();

    const auto cleared = process.run_command({"clear-pin-marker", "--config", process.config().string()});
    EXPECT_EQ(cleared.code, 0) << cleared.output;
    EXPECT_FALSE(std::filesystem::exists(marker));
    serve();
    EXPECT_TRUE(signs());
}

TEST_F(Supervisor, ASwapWhoseLoginIsRefusedLeavesTheOldWorkerServing) {
    serve();
    {
        process.token().activate();
        const auto module = pkcs11::Module::load(SoftHsmToken::module());
        ASSERT_TRUE(module);
        const auto changed = pkcs11::change_pin(**module, process.token().label(), process.token().serial(),
                                                process.token().pin(), Secret::copy_of("another-pin"));
        ASSERT_TRUE(changed) << changed.error().message << changed.error().detail;
    }
    process.process().signal(SIGUSR1);
    ASSERT_TRUE(process.process().wait_for_output("the old one goes on")) << process.log();
    EXPECT_TRUE(std::filesystem::exists(process.state() / "pin-refused"));
    EXPECT_TRUE(signs());
    // Once it ends, nobody logs in again.
    ASSERT_EQ(kill(worker(), SIGKILL), 0);
    EXPECT_EQ(process.process().wait(), token::kExitPin) << process.log();
}

// A tracer that does not wait keeps a killed process from ending, as a call that hangs in the kernel does.
TEST_F(Supervisor, AKilledWorkerThatDoesNotEndNeitherServesNorHoldsUpTheNextOne) {
    process.set("request_deadline", "1s");
    serve();
    const auto old = worker();
    if (ptrace(PTRACE_SEIZE, old, nullptr, nullptr) != 0)
        GTEST_SKIP() << "this machine lets no process be traced: " << std::strerror(errno);
    ASSERT_EQ(ptrace(PTRACE_INTERRUPT, old, nullptr, nullptr), 0);
    EXPECT_TRUE(recovers(60s)) << process.log();
    EXPECT_NE(worker(), old);
    EXPECT_EQ(kill(old, 0), 0) << "it should have been there all the time";
    EXPECT_NE(process.log().find("token.worker.stuck"), std::string::npos) << process.log();
    EXPECT_EQ(process.stop(), 0) << "nor is it waited for at the end";
    waitpid(old, nullptr, __WALL);
}

TEST_F(Supervisor, ALoginThatWasKilledIsMadeAgain) {
    process.directory().make_directory("state");
    process.directory().write("state/login-under-way", "login 1\n", 0600);
    serve();
    EXPECT_TRUE(signs());
    EXPECT_NE(process.log().find("token.login.unknown"), std::string::npos) << process.log();
    EXPECT_TRUE(read_file(process.state() / "login-under-way")->empty());
}

TEST_F(Supervisor, AMarkerThatCannotBeLookedAtCountsAsOne) {
    process.directory().make_directory("state");
    process.set("state", (process.directory() / "token.yaml/state").string());
    const auto ended = process.run_command({"--config", process.config().string()});
    EXPECT_NE(ended.code, 0);
}

TEST_F(Supervisor, AUserWhoIsNotAllowedIsRefusedWithAReason) {
    process.set("allowed_users", "[4294967]");
    process.start();
    ASSERT_TRUE(process.process().wait_for_output("token.worker.ready")) << process.log();
    client = process.client();
    const auto answer = client->sign(sign_request(), soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::permission_denied);
    EXPECT_NE(answer.error().message.find("uid " + std::to_string(geteuid())), std::string::npos)
        << answer.error().message;
    EXPECT_NE(answer.error().message.find("allowed_users"), std::string::npos);
    EXPECT_TRUE(process.process().wait_for_output("token.connection.refused"));
}

TEST_F(Supervisor, RootIsRefusedWithTheWayToStartIt) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    process.start();
    ASSERT_TRUE(process.process().wait_for_output("token.worker.ready")) << process.log();
    EXPECT_EQ(process.stop(), token::kExitOk) << "as the service user it starts: " << process.log();
    const auto ended =
        run({SIGNETD_TOKEN, "--config", process.config().string()}, {.as_service_user = false});
    EXPECT_EQ(ended.code, token::kExitRoot);
    EXPECT_NE(ended.output.find("setpriv"), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find("systemctl start"), std::string::npos) << ended.output;
}

TEST_F(Supervisor, ASecondOneOnTheSameSocketIsRefused) {
    serve();
    const auto second = process.run_command({"--config", process.config().string()});
    EXPECT_EQ(second.code, token::kExitFailed);
    EXPECT_NE(second.output.find("another signetd-token serves"), std::string::npos) << second.output;
    EXPECT_TRUE(signs());
}

TEST_F(Supervisor, AFileInPlaceOfTheSocketIsLeftAlone) {
    process.directory().write("run/token.sock", "precious", 0600);
    const auto ended = process.run_command({"--config", process.config().string()});
    EXPECT_EQ(ended.code, token::kExitFailed);
    EXPECT_EQ(*read_file(process.socket()), "precious");
}

TEST_F(Supervisor, TheSocketSpeaksItsVersionToOtherOnes) {
    serve();
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    process.socket().native().copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    Bytes message, hello;
    ASSERT_TRUE(frames::encode(message, frames::Hello{200, 201, "a program of the future"}));
    frames::append_frame(hello, {.version = 200, .kind = frames::FrameKind::hello}, message);
    ASSERT_EQ(send(socket.get(), hello.data(), hello.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(hello.size()));
    frames::FrameBuffer input;
    for (;;) {
        const auto space = input.space();
        const auto n = recv(socket.get(), space.data(), space.size(), 0);
        ASSERT_GT(n, 0);
        input.filled(static_cast<std::size_t>(n));
        const auto frame = input.next();
        ASSERT_TRUE(frame);
        if (!*frame) continue;
        ASSERT_EQ((*frame)->header.kind, frames::FrameKind::error);
        const auto error = frames::decode_error((*frame)->message);
        EXPECT_EQ(error.code, ErrorCode::unsupported);
        EXPECT_NE(error.message.find("a program of the future speaks version 200 to 201"), std::string::npos);
        break;
    }
    EXPECT_TRUE(signs());
}

TEST_F(Supervisor, TheWorkerIsNotForPeople) {
    const auto ended = process.run_command({"--worker"});
    EXPECT_EQ(ended.code, token::kExitUsage) << ended.output;
}

}  // namespace
}  // namespace signet::testing
