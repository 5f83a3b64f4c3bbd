// What a new appliance begins with: a database, its first keys, and the certificates of its own authority.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "daemon/config/config.h"
#include "daemon/ctl/family_setup.h"
#include "hsm/frames/token_interface.h"

namespace signet::ctl {

// `progress` gets one line before each step. The token must be empty; `config` is what signetd will read. Every key and
// certificate has its audit record, and the chain ends with a signed checkpoint. Certificates that the configuration does
// not place go to `ca` and `tls` below `directory`. `for_backup`: the keys are extractable, under custodians' backup key.
Status make_first_keys(const config::Config& config, TokenInterface& token, std::string_view principal,
                       const std::filesystem::path& directory,
                       const std::vector<const FamilySetup*>& families,
                       const std::function<void(std::string_view)>& progress, bool for_backup = false);

}  // namespace signet::ctl
