// Who owns the database: signetd while it runs, or one offline command of signetctl.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace signet::sqlite {

// An exclusive flock on `<database>.lock`, which goes with the process.
class DatabaseLock {
  public:
    // `holder` ("signetd", "signetctl ceremony") and the process id are written into the file, for the error
    // below. Errors: conflict, naming the holder; permission_denied, storage_failed.
    static Result<DatabaseLock> acquire(const std::filesystem::path& database, std::string_view holder);

  private:
    explicit DatabaseLock(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace signet::sqlite
