#include "hsm/token/harden.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace signet::token {

void harden_process() {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        log::debug("token.process.limit", "cannot set the limit for core dumps",
                   {{"detail", std::strerror(errno)}});
#if defined(__SANITIZE_ADDRESS__)
    const bool closed = true;  // the leak checker of a test build looks at its own process as a debugger does
#else
    const bool closed = prctl(PR_SET_DUMPABLE, 0) == 0;
#endif
    if (!closed || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        log::warning("token.process.harden", "cannot close this process to debuggers",
                     {{"detail", std::strerror(errno)}});
}

}  // namespace signet::token
