// Who serves a Unix socket, which processes belong to it, and how much processor time they used.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace signet::ctl {

struct Process {
    pid_t pid = 0;
    std::string name;  // as the kernel keeps it: "signetd", "signetd-token"
};

// The process that listens on the socket (SO_PEERCRED). Errors: token_unavailable when nobody does.
Result<pid_t> listener_of(const std::filesystem::path& socket);
// The process itself and everything below it.
std::vector<Process> process_tree(pid_t root);
// User and system time of all threads, also of those that ended. Error: not_found.
Result<std::chrono::microseconds> processor_time(pid_t pid);

}  // namespace signet::ctl
