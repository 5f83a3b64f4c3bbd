#include "daemon/ctl/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

namespace signet::ctl {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kRedraw = 250ms;
constexpr auto kPlainLine = 10s;
constexpr auto kSilence = 1s;
constexpr std::size_t kBar = 20;
constexpr std::size_t kTitle = 32;

}  // namespace

std::string progress_line(std::string_view title, std::uint64_t done, std::uint64_t total,
                          std::uint64_t passed) {
    auto out = printable(title.substr(0, kTitle));
    if (total != 0) {
        const auto share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
        const auto filled = static_cast<std::size_t>(share * kBar);
        out += "  [" + std::string(filled, '#') + std::string(kBar - filled, '-') + "]";
        const auto percent = std::to_string(static_cast<unsigned>(share * 100));
        out += "  " + std::string(3 - std::min<std::size_t>(3, percent.size()), ' ') + percent + " %";
    }
    char time[32];
    std::snprintf(time, sizeof time, "  %02llu:%02llu", static_cast<unsigned long long>(passed / 60),
                  static_cast<unsigned long long>(passed % 60));
    return out + time;
}

struct Progress::State {
    Output& out;
    std::string title;
    std::uint64_t total;
    bool terminal;
    steady_clock::time_point started = steady_clock::now();
    std::mutex mutex{};
    std::condition_variable changed{};
    std::uint64_t done = 0;
    bool ended = false;
    bool drawn = false;
    std::thread thread{};

    std::string line() const {
        const auto passed = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - started);
        return progress_line(title, done, total, static_cast<std::uint64_t>(passed.count()));
    }
    void run() {
        std::unique_lock lock(mutex);
        auto next_line = started + kSilence;
        while (!changed.wait_for(lock, kRedraw, [this] { return ended; })) {
            const auto now = steady_clock::now();
            if (now < next_line) continue;
            if (terminal) {
                std::fprintf(stderr, "\r%s\x1b[K", line().c_str());
                (void)std::fflush(stderr);
                drawn = true;
            } else {
                out.note(line());
                next_line = now + kPlainLine;
            }
        }
        if (drawn) std::fputs("\r\x1b[K", stderr);
        (void)std::fflush(stderr);
    }
};

Progress::Progress(Output& out, std::string title, std::uint64_t total) {
    if (out.json()) return;
    state_.reset(new State{out, std::move(title), total, isatty(STDERR_FILENO) != 0});
    state_->thread = std::thread([state = state_.get()] { state->run(); });
}

Progress::~Progress() {
    if (!state_) return;
    {
        const std::lock_guard lock(state_->mutex);
        state_->ended = true;
    }
    state_->changed.notify_all();
    state_->thread.join();
}

void Progress::at(std::uint64_t done) {
    if (!state_) return;
    const std::lock_guard lock(state_->mutex);
    state_->done = done;
}

}  // namespace signet::ctl
