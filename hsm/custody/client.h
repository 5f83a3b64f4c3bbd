// A connection to the custodians' socket of signetd-token (hsm/custody/messages.h).
#pragma once

#include <filesystem>

#include "base/error.h"
#include "base/unique_fd.h"
#include "hsm/custody/messages.h"

namespace signet::custody {

class CustodyClient {
  public:
    // Errors: token_unavailable (nobody listens), permission_denied.
    static Result<CustodyClient> connect(const std::filesystem::path& socket);
    // Errors: the desk's, token_unavailable when the connection broke.
    Result<Answer> ask(const Request& request) const;
    Result<DeskStatus> status() const;

  private:
    explicit CustodyClient(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

// `custody_socket` of a token.yaml. Error: failed_precondition when there is none.
Result<std::filesystem::path> custody_socket_of(const std::filesystem::path& token_config);

}  // namespace signet::custody
