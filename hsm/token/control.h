// What supervisor and worker say to each other over their socket pair (SOCK_SEQPACKET: a message is whole or not there).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "hsm/token/config.h"

namespace signet::token {

enum class ControlKind : std::uint8_t {
    settings = 1,    // supervisor, first of all
    connection = 2,  // supervisor: an accepted connection, with its descriptor
    drain = 3,       // supervisor: send your clients away, then end
    ready = 4,       // worker: the token is open
    failed = 5,      // worker: it could not be opened; an Error follows
    lost = 6,        // worker: it was lost; an Error follows, and the worker's end
    backup_key = 7,  // supervisor: the key that custodians' shares gave; empty: forget it
};

struct ControlMessage {
    ControlKind kind{};
    Bytes body;
    UniqueFd fd;
};

// What the worker needs to know; it never reads token.yaml itself, so that an edit cannot come between supervisor and
// worker.
struct WorkerSettings {
    TokenConfig config;    // without PIN source and users
    bool cold = true;      // no other worker has the token open
    bool last_pin = true;  // a refusal is final: no other credential could be the right one
    std::uint64_t supervisor_pid = 0;
    std::uint64_t workers_started = 0;
};

Bytes encode_settings(const WorkerSettings& settings);
Result<WorkerSettings> decode_settings(ByteView body);

Status send_control(int socket, ControlKind kind, ByteView body = {}, int fd = -1);
// nullopt: nothing there (on a non-blocking socket). An error: the peer is gone or sends what it must not.
Result<std::optional<ControlMessage>> receive_control(int socket);

}  // namespace signet::token
