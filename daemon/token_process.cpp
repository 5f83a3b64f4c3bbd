#include "daemon/token_process.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "base/log.h"
#include "daemon/process.h"
#include "hsm/frames/exit_codes.h"

namespace signet::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kStopTime = 10s;
constexpr std::chrono::milliseconds kFirstBackOff{200};
constexpr std::chrono::milliseconds kLongestBackOff{10'000};
// A child that ran this long has not failed to start.
constexpr auto kStable = 60s;

std::string why_given_up(int code) {
    switch (code) {
        case token::kExitPin:
            return "the token refused its PIN; look at it, then run signetd-token clear-pin-marker and start "
                   "again";
        case token::kExitConfiguration:
            return "signetd-token refuses its configuration; see its message";
        case token::kExitRoot:
            return "signetd-token does not run as root";
        case token::kExitUsage:
            return "signetd-token refuses its command line";
        default:
            return {};
    }
}

}  // namespace

Result<std::unique_ptr<TokenProcess>> TokenProcess::start(std::filesystem::path token_config,
                                                          std::string log_level) {
    SIGNET_ASSIGN(auto program, find_program("signetd-token"));
    return std::unique_ptr<TokenProcess>(
        new TokenProcess(std::move(program), std::move(token_config), std::move(log_level)));
}

TokenProcess::TokenProcess(std::filesystem::path program, std::filesystem::path config, std::string log_level)
    : program_(std::move(program)), config_(std::move(config)), log_level_(std::move(log_level)) {
    thread_ = std::thread([this] { supervise(); });
}

TokenProcess::~TokenProcess() {
    {
        std::unique_lock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
        if (pid_ > 0) kill(pid_, SIGTERM);
        if (!changed_.wait_for(lock, kStopTime, [&] { return pid_ <= 0; })) kill(pid_, SIGKILL);
    }
    thread_.join();
}

std::string TokenProcess::given_up() const {
    const std::lock_guard lock(mutex_);
    return given_up_;
}

// Between fork and exec only what signal-safety(7) lists: other threads may have held locks.
pid_t TokenProcess::spawn() const {
    const std::string config = config_.string();
    const char* const arguments[] = {program_.c_str(), "--config",         config.c_str(),
                                     "--log-level",    log_level_.c_str(), nullptr};
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child != 0) return child;
    // The child goes when this daemon goes, however it goes: the thread that forks lives as long as the object.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(token::kExitFailed);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    execv(program_.c_str(), const_cast<char* const*>(arguments));
    _exit(token::kExitFailed);
}

void TokenProcess::supervise() {
    auto back_off = kFirstBackOff;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const auto started = std::chrono::steady_clock::now();
        pid_ = spawn();
        int code = token::kExitFailed;
        if (pid_ > 0) {
            const pid_t child = pid_;
            lock.unlock();
            int status = 0;
            // The child stays a zombie, and its number ours, until the lock is held: nobody signals a stranger.
            siginfo_t ended{};
            while (waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) != 0 &&
                   errno == EINTR) {
            }
            lock.lock();
            waitpid(child, &status, 0);
            code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        pid_ = -1;
        changed_.notify_all();
        if (stopping_) break;
        given_up_ = why_given_up(code);
        if (!given_up_.empty()) {
            log::error("daemon.token.given_up", given_up_, {{"code", std::to_string(code)}});
            return;
        }
        if (std::chrono::steady_clock::now() - started > kStable) back_off = kFirstBackOff;
        log::warning("daemon.token.restart", "signetd-token ended; it is started again",
                     {{"code", std::to_string(code)}});
        changed_.wait_for(lock, back_off, [&] { return stopping_; });
        back_off = std::min(back_off * 2, kLongestBackOff);
    }
}

}  // namespace signet::daemon
