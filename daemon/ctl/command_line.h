// The command line, read by the table of commands.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "daemon/ctl/command.h"

namespace signet::ctl {

struct GlobalOptions {
    std::filesystem::path config = "/etc/signet/signetd.yaml";
    std::optional<std::filesystem::path> socket;
    std::string approval{};  // id; sent as Signet-Approval
    bool json = false;
};

struct CommandLine {
    GlobalOptions global;
    const Command* command = nullptr;  // null: `text` is the answer (help)
    Arguments arguments;
    std::string text;
};

// Errors: invalid_argument with what is wrong and which help to read.
Result<CommandLine> parse_command_line(int count, const char* const* words);

}  // namespace signet::ctl
