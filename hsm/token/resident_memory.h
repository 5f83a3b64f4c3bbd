// Memory a process holds.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace signet::token {

// Resident bytes by /proc/PID/statm (proc(5)); nullopt when the process is gone.
std::optional<std::uint64_t> resident_memory(pid_t pid);

}  // namespace signet::token
