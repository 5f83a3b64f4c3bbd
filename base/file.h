// Small files: whole reads with a bound, and writes that are there whole or not at all.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

namespace signet {

// Errors: not_found, permission_denied, too_large (over `max_size` bytes), invalid_argument (not a regular
// file).
Result<std::string> read_file(const std::filesystem::path& path,
                              std::size_t max_size = std::size_t{16} << 20);
// As read_file, never through a buffer that outlives the call. A trailing newline (LF or CRLF) is dropped:
// people make PIN files with editors. Refuses a file that others may read (mode & 077 must be 0).
Result<Secret> read_secret_file(const std::filesystem::path& path, std::size_t max_size = 4096);

// Writes a temporary file beside `path`, syncs it, renames it over `path`, and syncs the directory.
Status write_file_atomic(const std::filesystem::path& path, ByteView content, mode_t mode);

}  // namespace signet
