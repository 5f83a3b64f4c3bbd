// An NSS softokn token for a test: the second implementation that the token suite runs on.
#pragma once

#include <filesystem>
#include <string>

#include "base/secret.h"
#include "hsm/token/token_operations.h"
#include "tests/support/process.h"

namespace signet::testing {

class NssToken {
  public:
    // libnss3 need not be installed: then tests skip, visibly.
    static bool available();
    static std::filesystem::path module();

    // Makes the database and sets its password, in this process, and finalises the module again.
    NssToken();

    Secret pin() const { return pin_.clone(); }
    token::OperationsOptions options() const;

  private:
    std::string reserved() const;

    TempDirectory directory_;
    Secret pin_;
};

}  // namespace signet::testing
