// What signetctl's exit codes mean; scripts rely on them, so they never change.
#pragma once

#include "base/error.h"

namespace signet::ctl {

enum class ExitCode : int {
    ok = 0,
    failed = 1,       // the operation failed
    usage = 2,        // unknown command or option, or malformed input
    refused = 3,      // the policy refused it, the caller is unknown, or a file may not be read
    not_found = 4,    // no such key, certificate or file
    unavailable = 5,  // the daemon or the token does not answer now; trying again may help
    conflict = 6,     // it exists already, or its state forbids it
    storage = 7,      // the disk is full or failed
    unsound = 8,      // a check came to its end and found something wrong (verify, audit verify, doctor)
};

ExitCode exit_code_for(ErrorCode code);

}  // namespace signet::ctl
