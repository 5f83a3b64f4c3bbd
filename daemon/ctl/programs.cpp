#include "daemon/ctl/programs.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace signet::ctl {
namespace {

constexpr std::size_t kMaxOutput = std::size_t{16} << 20;

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(ErrorCode::internal, "cannot make a pipe", std::strerror(errno));
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Reads both pipes until they end; false when `end` passed first.
bool collect(Pipe& out, Pipe& errors, Finished& result, SteadyTime end) {
    std::array<std::pair<UniqueFd*, std::string*>, 2> sources{
        {{&out.read, &result.output}, {&errors.read, &result.errors}}};
    std::array<char, 65536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by read
    while (*sources[0].first || *sources[1].first) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        std::array<pollfd, 2> polled{
            {{sources[0].first->get(), POLLIN, 0}, {sources[1].first->get(), POLLIN, 0}}};
        if (poll(polled.data(), polled.size(), static_cast<int>(std::min<long long>(left.count(), 1000))) < 0)
            continue;
        for (std::size_t i = 0; i < polled.size(); ++i) {
            if (polled[i].fd < 0 || polled[i].revents == 0) continue;
            const auto size = ::read(polled[i].fd, buffer.data(), buffer.size());
            if (size < 0 && errno == EINTR) continue;
            if (size <= 0) {
                sources[i].first->reset();
            } else if (sources[i].second->size() < kMaxOutput) {
                sources[i].second->append(buffer.data(), static_cast<std::size_t>(size));
            }
        }
    }
    return true;
}

}  // namespace

Result<std::filesystem::path> find_program(std::string_view name) {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    const std::array<std::filesystem::path, 5> places{
        self / name,
        self / ".." / ".." / "hsm" / "token" / name,  // build/daemon/ctl/signetctl
        self / ".." / name,
        std::filesystem::path("/usr/lib/signet") / name,
        std::filesystem::path("/usr/sbin") / name,
    };
    std::string looked;
    for (const auto& place : places) {
        const auto path = place.lexically_normal();
        if (access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path, error)) return path;
        looked += (looked.empty() ? "" : ", ") + path.string();
    }
    return fail(ErrorCode::not_found, "cannot find " + std::string(name) + "; looked at " + looked);
}

Result<Finished> run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                             std::chrono::seconds time_limit, const Secret* input) {
    Pipe in;
    if (input != nullptr) {
        SIGNET_ASSIGN(in, make_pipe());
        // Below a pipe's capacity (PIPE_BUF): one write takes it all and does not wait.
        if (::write(in.write.get(), input->data(), input->size()) != static_cast<ssize_t>(input->size()))
            return fail(ErrorCode::internal, "cannot fill a pipe", std::strerror(errno));
        in.write.reset();
    }
    SIGNET_ASSIGN(auto out, make_pipe());
    SIGNET_ASSIGN(auto errors, make_pipe());
    std::vector<std::string> words{program.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    std::string locale = "LC_ALL=C.UTF-8";
    std::array<char*, 3> environment{path.data(), locale.data(), nullptr};

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (in.read)
        posix_spawn_file_actions_adddup2(&actions, in.read.get(), STDIN_FILENO);
    else
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors.write.get(), STDERR_FILENO);
    pid_t pid = -1;
    const int failure =
        posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0)
        return fail(ErrorCode::not_found, "cannot start " + program.string() + ": " + std::strerror(failure));
    out.write.reset();
    errors.write.reset();

    Finished result;
    const bool ended = collect(out, errors, result, std::chrono::steady_clock::now() + time_limit);
    if (!ended) ::kill(pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended)
        return fail(ErrorCode::deadline_exceeded, program.filename().string() + " did not end within " +
                                                      std::to_string(time_limit.count()) + " s");
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

}  // namespace signet::ctl
