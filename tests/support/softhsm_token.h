// A SoftHSM token for a test: its own directory, softhsm2.conf and random PINs.
//
// SoftHSM reads SOFTHSM2_CONF at C_Initialize, so a process has one such token open at a time.
#pragma once

#include <filesystem>
#include <string>

#include "base/secret.h"
#include "hsm/token/token_operations.h"
#include "tests/support/process.h"

namespace signet::testing {

class SoftHsmToken {
  public:
    // Initialises the token in this process and finalises the module again. Aborts with a message on failure.
    explicit SoftHsmToken(std::string label = "signet");

    static std::filesystem::path module();
    const std::string& label() const { return label_; }
    const std::string& serial() const { return serial_; }
    const std::filesystem::path& directory() const { return directory_.path(); }
    std::filesystem::path conf() const { return directory_ / "softhsm2.conf"; }
    std::filesystem::path token_directory() const { return directory_ / "tokens"; }
    // The directory of this one token under token_directory(), which holds token.object.
    std::filesystem::path object_directory() const;
    std::filesystem::path pin_file() const { return directory_ / "pin"; }  // mode 0600
    Secret pin() const { return pin_.clone(); }
    Secret so_pin() const { return so_pin_.clone(); }

    // Sets SOFTHSM2_CONF in this process; the constructor did so already.
    void activate() const;
    token::OperationsOptions options() const;

  private:
    TempDirectory directory_;
    std::string label_;
    std::string serial_;
    Secret pin_;
    Secret so_pin_;
};

}  // namespace signet::testing
