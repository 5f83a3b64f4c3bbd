#include "hsm/token/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "hsm/token/worker.h"

extern char** environ;

namespace signet::token {
namespace {

// Above the worker's fixed descriptors, so that placing one never overwrites another.
Result<UniqueFd> lifted(int fd) {
    UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 16));
    if (!copy)
        return fail(ErrorCode::internal, "cannot prepare the worker's descriptors", std::strerror(errno));
    return copy;
}

// What the supervisor was told by systemd is not the worker's; the module's configuration is only the worker's.
std::vector<std::string> worker_environment(const TokenConfig& config) {
    std::vector<std::string> out;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        bool dropped = false;
        for (const std::string_view name : {"NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC=",
                                            "CREDENTIALS_DIRECTORY=", "LISTEN_", "SOFTHSM2_CONF="})
            dropped = dropped || text.starts_with(name);
        if (!dropped) out.emplace_back(text);
    }
    if (!config.module_config.empty()) out.push_back("SOFTHSM2_CONF=" + config.module_config.string());
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

struct Placed {
    int from;
    int to;
};

// Between fork and exec: only async-signal-safe calls.
[[noreturn]] void become_worker(const std::array<Placed, 3>& descriptors, char* const* arguments,
                                char* const* environment, pid_t supervisor) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // A worker is logged in: it must not outlive who watches it.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != supervisor) _exit(1);
    for (const auto& [from, to] : descriptors) {
        if (dup2(from, to) != to) _exit(1);
    }
    const int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, STDIN_FILENO);
    execve("/proc/self/exe", arguments, environment);
    _exit(1);
}

Status write_pin(int pipe, const Secret& pin) {
    // Far below a pipe's capacity: one write takes it all and does not wait.
    if (::write(pipe, pin.data(), pin.size()) == static_cast<ssize_t>(pin.size())) return {};
    return fail(ErrorCode::internal, "cannot pass the PIN to the worker", std::strerror(errno));
}

}  // namespace

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(const WorkerSettings& settings, const Secret& pin,
                                                            const std::string& log_level,
                                                            const std::string& mode) {
    SIGNET_ASSIGN(auto page, WorkerPage::create());
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        return fail(ErrorCode::internal, "cannot make the worker's socket", std::strerror(errno));
    UniqueFd control(sockets[0]);
    const UniqueFd worker_control(sockets[1]);
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return fail(ErrorCode::internal, "cannot make a pipe", std::strerror(errno));
    const UniqueFd pin_reader(pipes[0]);
    const UniqueFd pin_writer(pipes[1]);
    fcntl(control.get(), F_SETFL, O_NONBLOCK);

    SIGNET_TRY(send_control(control.get(), ControlKind::settings, encode_settings(settings)));
    SIGNET_TRY(write_pin(pin_writer.get(), pin));
    SIGNET_ASSIGN(const auto high_control, lifted(worker_control.get()));
    SIGNET_ASSIGN(const auto high_pin, lifted(pin_reader.get()));
    SIGNET_ASSIGN(const auto high_page, lifted(page.fd()));
    const std::array<Placed, 3> descriptors{Placed{high_control.get(), kControlFd},
                                            Placed{high_pin.get(), kPinFd}, Placed{high_page.get(), kPageFd}};
    std::vector<std::string> arguments{"signetd-token", mode, "--log-level", log_level};
    auto environment = worker_environment(settings.config);
    const auto argument_pointers = pointers(arguments);
    const auto environment_pointers = pointers(environment);

    const auto supervisor = getpid();
    const auto pid = fork();
    if (pid < 0) return fail(ErrorCode::internal, "cannot start a worker", std::strerror(errno));
    if (pid == 0)
        become_worker(descriptors, argument_pointers.data(), environment_pointers.data(), supervisor);
    return std::unique_ptr<WorkerProcess>(new WorkerProcess(pid, std::move(control), std::move(page)));
}

WorkerProcess::~WorkerProcess() {
    if (ended()) return;
    kill();
    if (!abandoned_) waitpid(pid_, nullptr, 0);
}

void WorkerProcess::kill() const {
    if (!ended_) ::kill(pid_, SIGKILL);
}

bool WorkerProcess::ended() {
    if (ended_) return true;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
    ended_ = true;
    end_ = WIFSIGNALED(status) ? "was killed by signal " + std::to_string(WTERMSIG(status))
                               : "ended with code " + std::to_string(WEXITSTATUS(status));
    return true;
}

}  // namespace signet::token
