// The subcommands of `signetd-token` beside serving. Each prints what it found and returns the exit code.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace signet::token {

// Reads everything a start would read, except the token.
int check_config(const std::filesystem::path& config_file);
int clear_marker(const std::filesystem::path& config_file);

struct InitOptions {
    std::string so_pin_file;  // "-": standard input
};
// Initialises a free slot with the label and the PIN that the configuration names, and keeps copies of what a crash could
// break.
int init_token(const std::filesystem::path& config_file, const InitOptions& options);

struct ReanchorOptions {
    std::uint64_t sequence = 0;
    std::string head;    // 64 hexadecimal digits
    std::string reason;  // who decided it and why; kept in the token
};
// Offline, by custodians: has the token take this head for the last one it signed, whatever it holds. Prints what was there
// and leaves a trace in the token.
int re_anchor(const std::filesystem::path& config_file, const ReanchorOptions& options);

struct BenchOptions {
    std::vector<std::string> cases;  // "document.ec:ES256", "audit/2:ES256"
    double seconds = 3;
    unsigned threads = 1;
};
// Prints {"runs":[{"algorithm","ops_per_s","cpu_us"}]}: the yardstick of `signetctl bench`.
struct InspectOptions {
    std::string module;
    std::string module_config;      // SOFTHSM2_CONF; empty: none
    std::string module_parameters;  // for C_Initialize's reserved field
};
// As JSON.
Result<std::string> describe_tokens(const InspectOptions& options);
// Prints what the module says of its tokens as JSON, without logging in to any.
int inspect(const InspectOptions& options);
int bench_raw(const std::filesystem::path& config_file, const BenchOptions& options);

}  // namespace signet::token
