// A consistent copy of the database while it is in use.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "sqlite/audit_record.h"
#include "sqlite/connection.h"

namespace signet::sqlite {

struct BackupReport {
    std::uint64_t bytes = 0;
    Sha256 digest{};   // SHA-256 of the file
    ChainHead head{};  // of the copy's audit chain
};

// Copies the snapshot that `db` sees now into `path` (mode 0600, one file, no WAL beside it): a temporary
// file beside it, verified (integrity_check, foreign_key_check, the last `kVerifiedTail` records of the
// chain), synced, renamed. Writers go on meanwhile. Errors: already_exists (`path` is there), storage_full,
// storage_failed (the copy is not sound).
inline constexpr std::uint64_t kVerifiedTail = 100'000;
Result<BackupReport> backup_database(Connection& db, const std::filesystem::path& path);

}  // namespace signet::sqlite
