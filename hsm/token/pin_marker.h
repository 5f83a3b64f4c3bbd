// A PIN that was refused is never tried again: three tries lock a token. The marker is a file in the state directory
// that outlives every restart; while it is there nobody logs in, and only an operator takes it away.
#pragma once

#include <filesystem>

#include "base/error.h"

namespace signet::token {

std::filesystem::path pin_marker_path(const std::filesystem::path& state);
// token_pin, with what to do, while the marker stands. Also when it cannot be told whether it does.
Status check_pin_marker(const std::filesystem::path& state, const std::filesystem::path& config_file);
// `why` is the token's refusal.
Status write_pin_marker(const std::filesystem::path& state, const std::filesystem::path& config_file,
                        const Error& why);
// True when there was one.
Result<bool> clear_pin_marker(const std::filesystem::path& state);
// Makes the directory with mode 0700 where it is missing.
Status make_state_directory(const std::filesystem::path& state);

}  // namespace signet::token
