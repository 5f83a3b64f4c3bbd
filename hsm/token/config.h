// token.yaml: which module and token `signetd-token` serves, to whom, and within which bounds.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "hsm/token/clear_cases.h"

namespace signet::token {

struct TokenConfig {
    std::filesystem::path file;    // where this was read from
    std::filesystem::path socket;  // paths are absolute here; in the file they are relative to it
    std::filesystem::path module;
    std::filesystem::path module_config;  // SOFTHSM2_CONF of the worker; empty: none
    std::string module_parameters;        // for C_Initialize's reserved field (NSS softokn); usually empty
    std::string token_label;              // exactly one of label and serial is set
    std::string token_serial;
    std::filesystem::path pin_file;  // one of pin_file and pin_credential is set, or neither with pin_shares
    std::string pin_credential;      // a file in $CREDENTIALS_DIRECTORY (systemd.exec(5))
    std::filesystem::path so_pin_file;  // the security officer's PIN, for PIN changes only; empty: not here
    std::filesystem::path
        pin_shares;  // PIN and SO PIN that custodians' shares open; when it is there, it rules
    std::filesystem::path custody_socket;            // for custodians; empty: none
    std::vector<uid_t> custodians;                   // who may connect to it
    std::chrono::milliseconds unlock_time{600'000};  // then shares and a backup key are forgotten
    std::vector<uid_t> allowed_users;
    // Group of the socket, which then has mode 0660. Without one: 0600 when only the own user is allowed; 0666 when
    // others are, who are told apart by SO_PEERCRED before a byte is read from them.
    std::optional<gid_t> socket_group;
    std::string quirks;                                     // empty: chosen by the module's manufacturer
    std::optional<bool> session_copies;                     // nullopt: as the quirks say
    bool reveal_secrets = false;                            // FULL_QR and DEEP_LINK of PayControl
    unsigned threads = 1;                                   // signing threads, 1 to 64
    std::chrono::milliseconds request_deadline{10'000};     // how long one call into the module may take
    std::uint64_t memory_limit = std::uint64_t{512} << 20;  // bytes of resident memory before a gentle swap
    ClearCases in_clear;
    std::filesystem::path state;
};

// Strict: unknown keys, wrong values and unknown users are refused with file, line and what was expected.
Result<TokenConfig> load_token_config(const std::filesystem::path& file);

// Reads the PIN from where the configuration says, without a copy outside a Secret. 256 bytes at most.
Result<Secret> read_pin(const TokenConfig& config);

}  // namespace signet::token
