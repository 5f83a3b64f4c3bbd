// A backup of an appliance: a directory with the database, configuration, policy and certificates, and one manifest that names
// them all and holds the keys, wrapped under the backup key.
//
//   manifest.json   {"manifest": …, "sha256": …, "proof": …}: hashed, recorded (`backup.make`) and signed as a transcript is
//   signet.db, signetd.yaml, policy.yaml, token.yaml, backup-shares.yaml, ca/…, tls/…
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "daemon/ctl/backup/challenge.h"
#include "hsm/frames/backup_interface.h"
#include "hsm/pki/public_key.h"

namespace signet::ctl {

struct BackupFile {
    std::string name;  // relative to the backup, "ca/device.ca.pem"
    Sha256 sha256{};
    std::uint64_t size = 0;
};

struct BackupManifest {
    std::string created;
    std::string token_label;
    std::string token_serial;
    std::vector<BackupFile> files;
    std::vector<BackedUpKey> keys;
    std::vector<std::string> left_out;  // keys that were not made for a backup
    std::string audit_key;              // label
    Challenge challenge;
    std::string share_set;  // header of the backup key's set
};

std::string to_json_text(const BackupManifest& manifest);
Result<BackupManifest> parse_manifest(const std::string& text);

// Whole, recorded and signed, and every file is the one it names. `known`: the audit key's public part from elsewhere.
// unprocessable, naming what is wrong.
Result<BackupManifest> read_backup(const std::filesystem::path& backup,
                                   const std::optional<pki::PublicKey>& known);

}  // namespace signet::ctl
