// Exit codes of `signetd`, documented in its man page; the unit relies on them (RestartPreventExitStatus).
#pragma once

namespace signet::daemon {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;          // another start may mend it; the message says why
inline constexpr int kExitUsage = 64;          // the command line (EX_USAGE)
inline constexpr int kExitRoot = 77;           // started as root (EX_NOPERM)
inline constexpr int kExitConfiguration = 78;  // signetd.yaml, the policy or a file they name (EX_CONFIG)

}  // namespace signet::daemon
