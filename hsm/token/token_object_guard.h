// SoftHSM rewrites `token.object` in place at each login, without a rename or a sync: a process killed in between leaves
// an empty or short file, and the whole token is unusable although every key is still there.
//
// The guard keeps each token's file at mode 0400, so that a login cannot rewrite it (for users other than root; logins
// work all the same), keeps a copy of it, and puts the copy back when the file is found broken at a start.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace signet::token {

// The directory that a softhsm2.conf names as directories.tokendir.
Result<std::filesystem::path> softhsm_token_directory(const std::filesystem::path& softhsm2_conf);

// Whether `content` is a whole SoftHSM object file: a generation number, then attributes that end where the file does,
// among them the token's label and serial and what both PINs protect.
bool is_whole_token_object(ByteView content);

class TokenObjectGuard {
  public:
    // `copies` is a directory of ours, made at need with mode 0700; copies in it are named by the token's directory.
    TokenObjectGuard(std::filesystem::path token_directory, std::filesystem::path copies);

    struct Report {
        std::vector<std::string> restored;  // token directories whose token.object was put back from the copy
        std::vector<std::string> broken;    // broken, and there is no copy
        std::vector<std::string> removed_objects;  // empty files that killed key generations left
    };
    // Before C_Initialize. `cold` says that no other process has the token open: only then empty object files of
    // killed generations are removed. Fails with token_unavailable when the directory is gone.
    Result<Report> start(bool cold) const;

    // After C_InitToken and after each change of a PIN: new copies, then mode 0400 again.
    Status keep() const;
    // Before C_SetPIN or C_InitPIN: mode 0600, so that the token can write.
    Status release() const;

  private:
    std::filesystem::path token_directory_;
    std::filesystem::path copies_;
};

// Gives the token's files the mode they need while a PIN is changed, and takes it back on every way out.
class WritableTokenObject {
  public:
    static Result<WritableTokenObject> begin(const TokenObjectGuard& guard);
    WritableTokenObject(WritableTokenObject&& other) noexcept;
    WritableTokenObject& operator=(WritableTokenObject&&) = delete;
    ~WritableTokenObject();
    // Keeps the new state; call it when the PIN was changed, with the module finalised or idle.
    Status finish();

  private:
    explicit WritableTokenObject(const TokenObjectGuard& guard) : guard_(&guard) {}
    const TokenObjectGuard* guard_;
};

}  // namespace signet::token
