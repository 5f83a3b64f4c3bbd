#include "daemon/ctl/token_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "base/file.h"
#include "daemon/ctl/programs.h"

namespace signet::ctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string end_of(const std::filesystem::path& log) {
    auto text = read_file(log).value_or("");
    while (text.ends_with('\n'))
        text.pop_back();
    return text.substr(text.rfind('\n') + 1);
}

}  // namespace

TokenProcess::TokenProcess(TokenProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), client_(std::move(other.client_)) {}

TokenProcess::~TokenProcess() {
    client_.reset();
    if (pid_ < 0) return;
    ::kill(pid_, SIGTERM);
    for (int i = 0; i < 100; ++i) {
        if (waitpid(pid_, nullptr, WNOHANG) == pid_) return;
        std::this_thread::sleep_for(milliseconds(50));
    }
    ::kill(pid_, SIGKILL);
    (void)waitpid(pid_, nullptr, 0);
}

Result<TokenProcess> TokenProcess::start(const std::filesystem::path& token_config,
                                         const std::filesystem::path& socket,
                                         const std::filesystem::path& log, std::chrono::seconds time_limit,
                                         const Unlock& unlock) {
    SIGNET_ASSIGN(const auto program, find_program("signetd-token"));
    auto path = program.string();
    auto option = std::string("--config");
    auto config = token_config.string();
    std::array<char*, 4> arguments{path.data(), option.data(), config.data(), nullptr};
    auto search = std::string("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
    auto locale = std::string("LC_ALL=C.UTF-8");
    std::array<char*, 3> environment{search.data(), locale.data(), nullptr};

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    pid_t pid = -1;
    const int failure =
        posix_spawn(&pid, path.c_str(), &actions, nullptr, arguments.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0)
        return fail(ErrorCode::internal, "cannot start " + path + ": " + std::strerror(failure));

    TokenProcess process(pid);
    process.client_ = TokenClient::create({.socket = socket});
    auto end = steady_clock::now() + time_limit;
    for (;;) {
        const auto status = process.client_->status(Deadline::in(std::chrono::seconds(5)));
        if (status) return process;
        if (waitpid(pid, nullptr, WNOHANG) == pid) {
            process.pid_ = -1;
            return fail(ErrorCode::token_unavailable, "signetd-token ended: " + end_of(log));
        }
        if (status.error().code == ErrorCode::token_pin || steady_clock::now() > end)
            return std::unexpected(status.error());
        if (unlock) {
            SIGNET_ASSIGN(const bool unlocked, unlock());
            if (unlocked) end = steady_clock::now() + time_limit;
        }
        std::this_thread::sleep_for(milliseconds(20));
    }
}

}  // namespace signet::ctl
