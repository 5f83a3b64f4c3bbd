#include "hsm/token/resident_memory.h"

#include <unistd.h>

#include <fstream>
#include <string>

namespace signet::token {

std::optional<std::uint64_t> resident_memory(pid_t pid) {
    std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
    std::uint64_t total_pages = 0;
    std::uint64_t resident_pages = 0;
    if (!(statm >> total_pages >> resident_pages)) return std::nullopt;
    return resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace signet::token
