// What every process that knows the PIN or maps the module does first.
#pragma once

namespace signet::token {

// No core dumps, no ptrace by the same user, no new privileges. What the kernel does not allow is logged and left: a
// unit's own settings cover it there.
void harden_process();

}  // namespace signet::token
