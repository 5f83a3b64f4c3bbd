#include "daemon/ctl/process_times.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <sstream>

#include "base/unique_fd.h"

namespace signet::ctl {
namespace {

struct Stat {
    std::string name;
    pid_t parent = 0;
    std::uint64_t ticks = 0;  // utime + stime
};

// /proc/PID/stat, proc(5): the name stands in parentheses and may hold anything, so fields count from the last ')'.
std::optional<Stat> read_stat(const std::string& pid) {
    std::string text;
    // Files of /proc report size 0, so read_file cannot be used.
    std::FILE* file = std::fopen(("/proc/" + pid + "/stat").c_str(), "re");
    if (file == nullptr) return std::nullopt;
    char buffer[1024];
    text.assign(buffer, std::fread(buffer, 1, sizeof buffer, file));
    (void)std::fclose(file);
    const auto open = text.find('(');
    const auto close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
    Stat stat;
    stat.name = text.substr(open + 1, close - open - 1);
    std::istringstream fields(text.substr(close + 2));
    std::string field;
    std::uint64_t user = 0;
    std::uint64_t system = 0;
    fields >> field >> stat.parent;  // 3 state, 4 ppid
    for (int number = 5; number <= 13 && fields; ++number)
        fields >> field;
    if (!(fields >> user >> system)) return std::nullopt;  // 14 utime, 15 stime
    stat.ticks = user + system;
    return stat;
}

}  // namespace

Result<pid_t> listener_of(const std::filesystem::path& socket) {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto& path = socket.native();
    if (path.size() >= sizeof address.sun_path)
        return fail(ErrorCode::invalid_argument, path + " is too long for a socket");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    ucred peer{};
    socklen_t size = sizeof peer;
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail(ErrorCode::token_unavailable,
                    "no daemon listens on " + path + ": " + std::strerror(errno));
    return peer.pid;
}

std::vector<Process> process_tree(pid_t root) {
    std::map<pid_t, Stat> all;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        const auto name = entry.path().filename().string();
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc{} || end != name.data() + name.size()) continue;
        if (auto stat = read_stat(name)) all.emplace(pid, *std::move(stat));
    }
    std::vector<Process> tree;
    if (const auto found = all.find(root); found != all.end()) tree.push_back({root, found->second.name});
    for (std::size_t i = 0; i < tree.size(); ++i) {  // grows while it is walked
        for (const auto& [pid, stat] : all) {
            if (stat.parent == tree[i].pid) tree.push_back({pid, stat.name});
        }
    }
    return tree;
}

Result<std::chrono::microseconds> processor_time(pid_t pid) {
    const auto stat = read_stat(std::to_string(pid));
    if (!stat) return fail(ErrorCode::not_found, "process " + std::to_string(pid) + " has ended");
    static const auto ticks_per_second = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    return std::chrono::microseconds(stat->ticks * 1'000'000 / ticks_per_second);
}

}  // namespace signet::ctl
