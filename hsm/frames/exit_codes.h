// Exit codes of `signetd-token`, which the daemon that starts it reads too; documented in its man page, units and scripts rely on them.
#pragma once

namespace signet::token {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;          // the message says why
inline constexpr int kExitUsage = 64;          // the command line (EX_USAGE)
inline constexpr int kExitRoot = 77;           // started as root (EX_NOPERM)
inline constexpr int kExitConfiguration = 78;  // token.yaml or the PIN file (EX_CONFIG)
// The token refused the PIN, or refuses to be asked. Units must not restart on it (RestartPreventExitStatus=79): an
// operator looks first, and runs `signetd-token clear-pin-marker`.
inline constexpr int kExitPin = 79;

}  // namespace signet::token
