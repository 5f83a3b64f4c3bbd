// What `signetctl init --with paycontrol` adds.
#pragma once

#include "daemon/ctl/family_setup.h"

namespace signet::ctl {

FamilySetup paycontrol_setup();

}  // namespace signet::ctl
