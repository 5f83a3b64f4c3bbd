#include "daemon/ctl/ceremony/terminal.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace signet::ctl {
namespace {

constexpr std::size_t kLongestLine = 1024;

void show(std::string_view text) {
    (void)std::fwrite(text.data(), 1, text.size(), stderr);
    (void)std::fflush(stderr);
}

// Turns the echo off for as long as it lives, where there is a terminal.
class NoEcho {
  public:
    NoEcho() {
        on_ = tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!on_) return;
        auto without = before_;
        without.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        without.c_lflag |= ECHONL;
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &without);
    }
    ~NoEcho() {
        if (on_) (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
    }
    NoEcho(const NoEcho&) = delete;
    NoEcho& operator=(const NoEcho&) = delete;

  private:
    termios before_{};
    bool on_ = false;
};

// Byte by byte, so that nothing of the next line is taken from those who come after.
Result<Secret> read_line(std::size_t max_size) {
    Secret line(max_size);
    std::size_t size = 0;
    for (;;) {
        char c = 0;
        const auto n = ::read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(ErrorCode::cancelled, "the input ended; nothing more was done");
        if (c == '\n') break;
        if (c == '\r') continue;
        if (size == max_size) return fail(ErrorCode::invalid_argument, "the line is too long");
        line.data()[size++] = static_cast<std::uint8_t>(c);
    }
    line.truncate(size);
    return line;
}

// Lower case, without blanks.
std::string folded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == ' ' || c == '\t') continue;
        out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

}  // namespace

Result<Terminal> Terminal::open(Output& out) {
    if (out.json())
        return fail(ErrorCode::invalid_argument,
                    "a ceremony is for people: leave --json out; its transcript is JSON");
    if (isatty(STDIN_FILENO) == 0)
        return fail(ErrorCode::failed_precondition,
                    "officers confirm at a terminal, and standard input is none; run this at a terminal");
    return Terminal(out);
}

Result<std::string> Terminal::ask(std::string_view text) {
    show(text);
    SIGNET_ASSIGN(const auto line, read_line(kLongestLine));
    return std::string(line.text());
}

Result<Secret> Terminal::ask_secret(std::string_view text, std::size_t max_size) {
    show(text);
    const NoEcho quiet;
    return read_line(max_size);
}

Status Terminal::confirm(std::string_view name, std::string_view role, std::string_view what) {
    out_->line("");
    out_->line(std::string(what));
    for (int attempt = 0; attempt < 3; ++attempt) {
        (void)out_->flush();
        SIGNET_ASSIGN(const auto answer,
                      ask(std::string(name) + " (" + std::string(role) + "), type your name to confirm: "));
        if (!answer.empty() && folded(answer) == folded(name)) return {};
        out_->note("that is not '" + std::string(name) + "'");
    }
    return fail(ErrorCode::cancelled, std::string(name) + " did not confirm; nothing more was done");
}

Status Terminal::pause(std::string_view what) {
    (void)out_->flush();
    SIGNET_ASSIGN(const auto answer, ask(std::string(what) + " [Enter] "));
    if (answer.empty()) return {};
    return fail(ErrorCode::cancelled, "stopped by the operator; run the same command again to go on");
}

Status Terminal::show_once(std::string_view text) {
    (void)out_->flush();
    show(text);
    auto answer = ask("\npress Enter when it is written down; the screen is cleared then ");
    if (isatty(STDERR_FILENO) != 0) show("\x1b[3J\x1b[2J\x1b[H");
    SIGNET_TRY(answer);
    return {};
}

}  // namespace signet::ctl
