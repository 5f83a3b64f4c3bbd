// Input files of commands: `-` is standard input.
#pragma once

#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"

namespace signet::ctl {

// At most `max_size` bytes. Errors: those of read_file.
Result<std::string> read_input(const std::filesystem::path& path,
                               std::size_t max_size = std::size_t{16} << 20);
// The digest of a file of any size.
Result<Bytes> hash_input(const std::filesystem::path& path, HashAlgorithm algorithm);

}  // namespace signet::ctl
