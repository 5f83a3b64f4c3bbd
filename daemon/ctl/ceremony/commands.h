// The commands around ceremonies, custody and backups of keys.
#pragma once

#include <vector>

#include "daemon/ctl/command.h"

namespace signet::ctl {

std::vector<Command> ceremony_commands();
std::vector<Command> custody_commands();     // unlock, custody
std::vector<Command> key_backup_commands();  // backup make, restore, prove

}  // namespace signet::ctl
