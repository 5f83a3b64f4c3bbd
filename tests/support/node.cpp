#include "tests/support/node.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace signet::testing {
namespace {

// Where the shell would find it.
std::filesystem::path find_node() {
    const char* path = std::getenv("PATH");
    std::string_view rest = path == nullptr ? "/usr/bin" : path;
    while (!rest.empty()) {
        const auto end = rest.find(':');
        const auto candidate = std::filesystem::path(rest.substr(0, end)) / "node";
        if (std::filesystem::is_regular_file(candidate)) return candidate;
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return {};
}

}  // namespace

std::optional<Ended> run_node(const std::string& module, const std::vector<std::string>& arguments,
                              std::string input) {
    const std::filesystem::path directory = std::filesystem::path(SIGNET_SOURCE_ROOT) / "tests/npm";
    const auto node = find_node();
    if (node.empty() || !std::filesystem::exists(directory / "node_modules/.installed")) return std::nullopt;
    std::vector<std::string> command{node, directory / module};
    command.insert(command.end(), arguments.begin(), arguments.end());
    ChildProcess child(std::move(command),
                       {.as_service_user = false, .directory = directory, .input = std::move(input)});
    const auto code = child.wait(std::chrono::minutes(1));
    if (!code) return Ended{.code = -1, .output = child.output() + "\nstill running after a minute"};
    return Ended{.code = *code, .output = child.output()};
}

}  // namespace signet::testing
