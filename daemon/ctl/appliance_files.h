// The files and directories of an appliance of its own, and its token: what `init` and a ceremony make alike.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "base/error.h"

namespace signet::ctl {

// secrets, tokens, data, state, run, ca, tls, archive and backup below `directory`; what is there already stays.
Status make_directories(const std::filesystem::path& directory);
// 192 random bits, in letters that every module takes; mode 0600.
Status write_pin(const std::filesystem::path& path);
Status write_text(const std::filesystem::path& path, const std::string& text, mode_t mode);
// Runs `signetd-token init-token` by `directory`/token.yaml with the SO PIN of secrets/so-pin.
Status init_token(const std::filesystem::path& directory);

}  // namespace signet::ctl
