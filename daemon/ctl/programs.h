// The other programs of Signet: beside this one, at their place in the build tree, or where the package puts them.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace signet::ctl {

// "signetd" or "signetd-token". Error: not_found, naming the places looked at.
Result<std::filesystem::path> find_program(std::string_view name);

struct Finished {
    int code = 0;  // exit code, or 128 + signal
    std::string output;
    std::string errors;
};

// Runs a program to its end, with a small environment of its own, and collects what it prints (16 MiB each at most).
// `input`, 4096 bytes at most, is its standard input; without it that is empty.
// Errors: not_found, deadline_exceeded (it was killed), internal.
Result<Finished> run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                             std::chrono::seconds time_limit, const Secret* input = nullptr);

}  // namespace signet::ctl
