// Makes and restores a backup; manifest.h says what is in one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/ctl/backup/challenge.h"
#include "daemon/ctl/backup/manifest.h"
#include "daemon/ctl/offline.h"
#include "daemon/ctl/output.h"

namespace signet::ctl {

// Into a new directory. The worker must have the backup key. Error: failed_precondition when no key was made for a backup.
Result<BackupManifest> make_backup(Offline& place, const std::filesystem::path& directory, Output& out);

// The appliance's files below a new directory, with a new token and new PINs; no key is in it yet. `module` empty: SoftHSM.
Status restore_files(const std::filesystem::path& backup, const BackupManifest& manifest,
                     const std::filesystem::path& appliance, const std::string& module);
// The keys, into the token of that appliance, whose worker must have the backup key.
Status restore_keys(BackupInterface& token, const BackupManifest& manifest, Output& out);

}  // namespace signet::ctl
