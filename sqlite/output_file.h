// A file that appears under its name whole and synced, or not at all.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "base/error.h"
#include "base/unique_fd.h"

struct evp_md_ctx_st;

namespace signet::sqlite {

// Removes a file when it goes, unless told to keep it.
class TemporaryFile {
  public:
    // A name beside `path`, on the same file system.
    explicit TemporaryFile(const std::filesystem::path& path);
    TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    ~TemporaryFile();
    const std::filesystem::path& path() const { return path_; }
    // Syncs the file, gives it its name, syncs the directory. Error: already_exists, if something has the name.
    Status publish(const std::filesystem::path& name);

  private:
    std::filesystem::path path_;
};

// Buffered output with a running digest.
class OutputFile {
  public:
    // Mode 0600. Errors: already_exists (`path` is there), storage_full, storage_failed.
    static Result<OutputFile> create(const std::filesystem::path& path);
    OutputFile(OutputFile&&) noexcept = default;

    Status write(std::string_view data);
    std::uint64_t size() const { return size_; }
    // Publishes the file; returns its SHA-256.
    Result<Sha256> finish();

  private:
    struct FreeDigest {
        void operator()(evp_md_ctx_st* context) const;
    };
    explicit OutputFile(std::filesystem::path path);
    Status flush();

    std::filesystem::path path_;
    TemporaryFile temporary_;
    UniqueFd fd_;
    std::unique_ptr<evp_md_ctx_st, FreeDigest> digest_;
    std::string buffer_;
    std::uint64_t size_ = 0;
};

// SHA-256 of a file of any size.
Result<Sha256> digest_file(const std::filesystem::path& path, std::uint64_t* size = nullptr);

}  // namespace signet::sqlite
