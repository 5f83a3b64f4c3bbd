#include "daemon/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "base/log.h"

namespace signet::daemon {
namespace {

namespace fs = std::filesystem;

sigset_t our_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, number);
    return set;
}

}  // namespace

void harden_process() {
    umask(0077);
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        log::warning("daemon.harden.failed", "cannot close this process to debuggers");
}

void block_signals() {
    const auto set = our_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int wait_for_signal(std::chrono::milliseconds time) {
    const auto set = our_signals();
    const timespec limit{static_cast<std::time_t>(time.count() / 1000),
                         static_cast<long>(time.count() % 1000) * 1'000'000};
    const int number = sigtimedwait(&set, nullptr, &limit);
    return number > 0 ? number : 0;
}

Result<fs::path> find_program(std::string_view name) {
    std::error_code failure;
    const auto self = fs::read_symlink("/proc/self/exe", failure).parent_path();
    // The build tree keeps each program beside its sources.
    const fs::path places[] = {self / name, self.parent_path() / "hsm/token" / name,
                               fs::path("/usr/sbin") / name, fs::path("/usr/lib/signet") / name};
    for (const auto& place : places) {
        if (access(place.c_str(), X_OK) == 0 && fs::is_regular_file(place, failure)) return place;
    }
    return fail(ErrorCode::not_found, "the program " + std::string(name) +
                                          " is not beside this one, nor in /usr/sbin or /usr/lib/signet");
}

}  // namespace signet::daemon
