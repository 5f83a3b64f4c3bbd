// The worker: the only process that maps the PKCS#11 module. Started by the supervisor, never by hand.
#pragma once

namespace signet::token {

// Descriptors the supervisor leaves open across exec.
inline constexpr int kControlFd = 3;  // SOCK_SEQPACKET, see control.h
inline constexpr int kPinFd = 4;      // pipe: the PIN, then its end
inline constexpr int kPageFd = 5;     // memory of the WorkerPage

// The exit code. Whatever ends it was said to the supervisor before.
int run_worker();

}  // namespace signet::token
