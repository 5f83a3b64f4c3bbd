// What the process is before it is a daemon: its privileges, its signals, its siblings.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace signet::daemon {

// No core dumps, no debugger (prctl(2) PR_SET_DUMPABLE), no new privileges; files of ours are private (umask 077).
void harden_process();

// Blocks SIGTERM, SIGINT and SIGHUP for this thread and all that it starts. Called before the first thread.
void block_signals();
// One of them, or 0 when none came in `time`.
int wait_for_signal(std::chrono::milliseconds time);

// A program of ours: beside this one, at its place in the build tree, or where the package puts it. Error: not_found.
Result<std::filesystem::path> find_program(std::string_view name);

}  // namespace signet::daemon
