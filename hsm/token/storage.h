// The directory in which a software token keeps its objects: it makes new keys last, and explains what the token
// reports as CKR_GENERAL_ERROR only.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace signet::token {

enum class StorageState { good, gone, read_only, full };

class TokenStorage {
  public:
    // An empty directory stands for a token without one: always good, nothing to sync.
    explicit TokenStorage(std::filesystem::path directory) : directory_(std::move(directory)) {}

    // Makes what was written since then last: SoftHSM never syncs, and without this a key could be acknowledged and gone
    // after a power loss. File by file, because syncfs waits for everybody's writes.
    Status sync(std::filesystem::file_time_type since) const;

    // Whether the directory still holds a token.
    bool present() const;
    // Tries a small file beside the objects, so it is asked after a failure only.
    StorageState diagnose() const;

  private:
    std::filesystem::path directory_;
};

}  // namespace signet::token
