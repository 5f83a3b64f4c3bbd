#include "daemon/service/backup.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "base/encoding.h"
#include "base/log.h"
#include "daemon/service/details.h"

namespace signet::service {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "signet-";
constexpr std::string_view kSuffix = ".db";

// signet-20260131T093000.250Z.db: sorts by time, and has no colon.
std::string file_name(SystemTime now) {
    std::string time = to_rfc3339(now);
    std::erase(time, '-');
    std::erase(time, ':');
    return std::string(kPrefix) + time + std::string(kSuffix);
}

void remove_old(const fs::path& directory, std::uint32_t keep) {
    std::vector<fs::path> copies;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(directory, failure)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with(kPrefix) && name.ends_with(kSuffix) && entry.is_regular_file(failure))
            copies.push_back(entry.path());
    }
    std::ranges::sort(copies);
    for (std::size_t i = 0; i + keep < copies.size(); ++i) {
        fs::remove(copies[i], failure);
        if (failure)
            log::warning("backup.remove.failed", "an old copy of the database could not be removed",
                         {{"file", copies[i].string()}, {"detail", failure.message()}});
    }
}

}  // namespace

void Backup::replace(BackupSettings settings) {
    const std::lock_guard lock(mutex_);
    settings_ = std::move(settings);
}

Result<BackupCopy> Backup::run(const Caller& caller) {
    const std::unique_lock one_at_a_time(running_, std::try_to_lock);
    if (!one_at_a_time) return fail(ErrorCode::conflict, "a copy of the database is being made already");
    BackupSettings settings;
    {
        const std::lock_guard lock(mutex_);
        settings = settings_;
    }
    std::error_code failure;
    if (fs::create_directories(settings.directory, failure))
        fs::permissions(settings.directory, fs::perms::owner_all, failure);
    if (failure)
        return fail(ErrorCode::storage_failed,
                    "the backup directory " + settings.directory.string() + " cannot be made",
                    failure.message());
    BackupCopy copy;
    copy.file = settings.directory / file_name(parts_.clock.now());
    SIGNET_ASSIGN(auto db, sqlite::Connection::open(parts_.database, sqlite::Connection::Mode::read_only));
    SIGNET_ASSIGN(copy.report, sqlite::backup_database(db, copy.file));
    sqlite::AuditRecord record;
    record.request_id = caller.request_id;
    record.principal = caller.principal;
    record.action = "backup.database";
    record.object = copy.file.filename().string();
    record.outcome = "ok";
    record.details =
        Details().add("digest", to_hex(copy.report.digest)).add("bytes", copy.report.bytes).text();
    const auto sequence = parts_.writer.append(std::move(record));
    if (!sequence) {
        fs::remove(copy.file, failure);  // not released without its record
        return std::unexpected(sequence.error());
    }
    copy.audit = *sequence;
    remove_old(settings.directory, settings.keep);
    return copy;
}

}  // namespace signet::service
