#include "tests/support/pseudo_terminal.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "tests/support/process.h"

namespace signet::testing {
namespace {

// The last words before the prompt, as a line.
std::string words_before(const std::string& text, std::size_t end, std::size_t count) {
    std::vector<std::string> words;
    std::string word;
    for (std::size_t i = end; i-- > 0 && words.size() < count;) {
        const char c = text[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter) word.insert(word.begin(), c);
        if ((!letter || i == 0) && !word.empty()) {
            words.insert(words.begin(), word);
            word.clear();
        }
    }
    std::string out;
    for (const auto& one : words)
        out += (out.empty() ? "" : " ") + one;
    return out;
}

std::string last_three(const std::string& words) {
    auto at = words.size();
    for (int i = 0; i < 3; ++i)
        at = words.rfind(' ', at - 1);
    return words.substr(at + 1);
}

}  // namespace

Pty::Pty(std::vector<std::string> command) {
    std::vector<char*> arguments;
    for (auto& word : command)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int program = open(command.front().c_str(), O_PATH | O_CLOEXEC);
    if (program < 0) throw std::runtime_error("cannot open " + command.front());
    const auto user = service_user();
    const uid_t uid = user.value_or(0);
    pid_ = forkpty(&fd_, nullptr, nullptr, nullptr);
    if (pid_ < 0) throw std::runtime_error("forkpty failed");
    if (pid_ == 0) {
        if (user &&
            (setgroups(0, nullptr) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
            _exit(126);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        fexecve(program, arguments.data(), environ);
        _exit(127);
    }
    close(program);
}

Pty::~Pty() {
    if (!code_) {
        kill();
        wait();
    }
    close(fd_);
}

bool Pty::read_until(const std::function<std::optional<std::size_t>(const std::string&)>& found,
                     std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    for (;;) {
        if (const auto at = found(output_.substr(read_))) {
            read_ += *at;
            return true;
        }
        pollfd polled{fd_, POLLIN, 0};
        if (std::chrono::steady_clock::now() > end) return false;
        if (poll(&polled, 1, 2) <= 0) continue;
        char buffer[4096];
        const auto n = ::read(fd_, buffer, sizeof buffer);
        if (n <= 0 && errno != EINTR) return false;  // EIO: the program closed its side
        if (n > 0) output_.append(buffer, static_cast<std::size_t>(n));
    }
}

void Pty::send(const std::string& line) {
    const auto text = line + "\n";
    if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw std::runtime_error("cannot write to the terminal");
}

void Pty::kill() {
    if (!code_) ::kill(pid_, SIGKILL);
}

int Pty::wait() {
    int status = 0;
    if (!code_ && waitpid(pid_, &status, 0) == pid_)
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return code_.value_or(-1);
}

int People::drive(std::vector<std::string> command, const std::string& stop_at) {
    Pty pty(std::move(command));
    std::string words;
    bool stopped = false;
    for (;;) {
        enum class Prompt { none, name, enter, written, last, share, stop } prompt = Prompt::none;
        std::string who;
        const bool more = pty.read_until([&](const std::string& text) -> std::optional<std::size_t> {
            if (stop_when && stop_when()) {
                prompt = Prompt::stop;
                return 0;
            }
            struct Known {
                const char* text;
                Prompt prompt;
            };
            std::size_t best = std::string::npos;
            std::size_t after = 0;
            const auto consider = [&](const std::string& what, Prompt kind) {
                const auto at = text.find(what);
                if (what.empty() || at == std::string::npos || at >= best) return;
                best = at;
                after = at + what.size();
                prompt = kind;
                const auto line = text.rfind('\n', at);
                who = text.substr(line == std::string::npos ? 0 : line + 1,
                                  at - (line == std::string::npos ? 0 : line + 1));
            };
            for (const auto& known :
                 {Known{", type your name to confirm: ", Prompt::name}, Known{" [Enter] ", Prompt::enter},
                  Known{"press Enter when it is written down; the screen is cleared then ", Prompt::written},
                  Known{", the last three words of your share: ", Prompt::last},
                  Known{"share, 40 words (nothing is shown): ", Prompt::share}})
                consider(known.text, known.prompt);
            consider(stop_at, Prompt::stop);
            if (best == std::string::npos) return std::nullopt;
            if (prompt == Prompt::written) words = words_before(text, best, 40);
            return after;
        });
        if (!more) break;
        if (prompt == Prompt::stop) {
            stopped = true;
            pty.kill();
            break;
        }
        // "Alice Example (officer)", perhaps after a control sequence that cleared the screen
        if (const auto clear = who.rfind('H');
            who.find('\x1b') != std::string::npos && clear != std::string::npos)
            who = who.substr(clear + 1);
        switch (prompt) {
            case Prompt::name:
                pty.send(confirm ? who.substr(0, who.find(" (")) : "somebody else");
                break;
            case Prompt::last:
                std::erase_if(shares, [&](const auto& share) { return share.first == who; });
                shares.emplace_back(who, words);
                dealt[who].push_back(words);
                pty.send(last_three(words));
                break;
            case Prompt::share:
                if (to_give.empty()) {
                    pty.kill();
                    stopped = true;
                } else {
                    pty.send(to_give.front());
                    to_give.erase(to_give.begin());
                }
                break;
            default:
                pty.send("");
        }
        if (stopped) break;
    }
    const int code = pty.wait();
    output_ = pty.output();
    return code;
}

}  // namespace signet::testing
