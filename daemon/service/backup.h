// A consistent copy of the database into the backup directory, and no more copies there than configured.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>

#include "base/clock.h"
#include "base/error.h"
#include "daemon/service/caller.h"
#include "sqlite/backup.h"
#include "sqlite/writer.h"

namespace signet::service {

struct BackupSettings {
    std::filesystem::path directory;
    std::uint32_t keep = 14;  // newest copies that stay
};

struct BackupCopy {
    std::filesystem::path file;
    sqlite::BackupReport report;
    std::uint64_t audit = 0;
};

class Backup {
  public:
    struct Parts {
        sqlite::Writer& writer;
        const Clock& clock;
        std::filesystem::path database;
    };
    Backup(Parts parts, BackupSettings settings) : parts_(std::move(parts)), settings_(std::move(settings)) {}
    void replace(BackupSettings settings);

    // signet-<UTC time>.db in the backup directory, mode 0600, verified. Errors: conflict (another one is being made),
    // storage_full, storage_failed.
    Result<BackupCopy> run(const Caller& caller);

  private:
    Parts parts_;
    std::mutex mutex_;
    BackupSettings settings_;
    std::mutex running_;
};

}  // namespace signet::service
