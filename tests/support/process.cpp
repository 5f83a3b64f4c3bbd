#include "tests/support/process.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/unique_fd.h"

extern char** environ;

namespace signet::testing {
namespace {

constexpr uid_t kNobody = 65534;

[[noreturn]] void give_up(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

void give(const std::filesystem::path& path) {
    if (const auto user = service_user()) {
        if (lchown(path.c_str(), *user, *user) != 0) give_up("chown " + path.string());
    }
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
    std::vector<std::string> out;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        if (!added.contains(text.substr(0, text.find('=')))) out.push_back(text);
    }
    for (const auto& [name, value] : added)
        out.push_back(name + "=" + value);
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

}  // namespace

std::optional<uid_t> service_user() {
    if (geteuid() == 0) return kNobody;
    return std::nullopt;
}

TempDirectory::TempDirectory() {
    const char* base = std::getenv("TMPDIR");
    std::string name = std::string(base != nullptr ? base : "/tmp") + "/signet-test-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) give_up("mkdtemp " + name);
    path_ = name;
    give(path_);
}

TempDirectory::~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempDirectory::write(const std::filesystem::path& name, std::string_view content,
                                           mode_t mode) const {
    if (name.has_parent_path()) make_directory(name.parent_path());
    const auto file = path_ / name;
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
    if (chmod(file.c_str(), mode) != 0) give_up("chmod " + file.string());
    give(file);
    return file;
}

std::filesystem::path TempDirectory::make_directory(const std::filesystem::path& name, mode_t mode) const {
    auto directory = path_;
    for (const auto& part : name) {
        directory /= part;
        if (mkdir(directory.c_str(), mode) == 0)
            give(directory);
        else if (errno != EEXIST)
            give_up("mkdir " + directory.string());
    }
    return directory;
}

void TempDirectory::give_away() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_))
        give(entry.path());
}

ChildProcess::ChildProcess(std::vector<std::string> command, Options options) {
    std::string output_name = "/tmp/signet-output-XXXXXX";
    const UniqueFd output(mkostemp(output_name.data(), O_CLOEXEC | O_APPEND));
    if (!output) give_up("mkostemp");
    output_file_ = output_name;

    std::string input_name = "/tmp/signet-input-XXXXXX";
    const UniqueFd input(mkostemp(input_name.data(), O_CLOEXEC));
    if (!input) give_up("mkostemp");
    unlink(input_name.c_str());
    if (write(input.get(), options.input.data(), options.input.size()) < 0) give_up("write");
    lseek(input.get(), 0, SEEK_SET);

    const UniqueFd program(open(command.at(0).c_str(), O_PATH | O_CLOEXEC));
    if (!program) give_up("open " + command[0]);
    auto environment = environment_with(options.environment);
    const auto arguments = pointers(command);
    const auto variables = pointers(environment);
    const auto user = options.as_service_user ? service_user() : std::nullopt;
    const uid_t uid = user.value_or(0);  // read here: GCC 12 at -O2 takes *user below for uninitialized
    const auto parent = getpid();

    pid_ = fork();
    if (pid_ < 0) give_up("fork");
    if (pid_ > 0) return;

    // Only async-signal-safe calls from here on: the test may have threads.
    dup2(input.get(), STDIN_FILENO);
    dup2(output.get(), STDOUT_FILENO);
    dup2(output.get(), STDERR_FILENO);
    if (user &&
        (setgroups(0, nullptr) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
        _exit(126);
    if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(126);
    // A test that crashes leaves no daemons behind. Set after the change of user, which clears it.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    fexecve(program.get(), arguments.data(), variables.data());
    _exit(127);
}

ChildProcess::~ChildProcess() {
    if (running()) {
        signal(SIGKILL);
        wait();
    }
    std::error_code ignored;
    std::filesystem::remove(output_file_, ignored);
}

void ChildProcess::signal(int number) const {
    if (!code_) ::kill(pid_, number);
}

bool ChildProcess::running() {
    return !wait(std::chrono::milliseconds(0));
}

std::string ChildProcess::output() const {
    std::ifstream file(output_file_, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds time) {
    const auto ended = [this] {
        if (code_) return true;
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return true;
    };
    eventually(ended, time);
    return code_;
}

bool ChildProcess::wait_for_output(std::string_view text, std::chrono::milliseconds time) const {
    return eventually([&] { return output().find(text) != std::string::npos; }, time);
}

Ended run(std::vector<std::string> command, ChildProcess::Options options, std::chrono::milliseconds time) {
    ChildProcess child(std::move(command), std::move(options));
    auto code = child.wait(time);
    if (!code) {
        child.signal(SIGKILL);
        code = child.wait();
    }
    return {code.value_or(-SIGKILL), child.output()};
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return condition();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace signet::testing
