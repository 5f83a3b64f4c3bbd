// signetd-token for the time of an offline ceremony.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/error.h"
#include "hsm/client/token_client.h"

namespace signet::ctl {

class TokenProcess {
  public:
    // Starts `signetd-token --config token_config` and waits until the token answers on `socket`. What it logs goes to
    // `log`. `unlock` is called while the token does not answer: when it waits for its custodians, it takes their shares, and
    // says whether it did. Errors: token_unavailable with the end of its log, and the token's own.
    using Unlock = std::function<Result<bool>()>;
    static Result<TokenProcess> start(const std::filesystem::path& token_config,
                                      const std::filesystem::path& socket, const std::filesystem::path& log,
                                      std::chrono::seconds time_limit, const Unlock& unlock = {});
    TokenProcess(TokenProcess&& other) noexcept;
    TokenProcess& operator=(TokenProcess&&) = delete;
    // Ends it (SIGTERM, then SIGKILL after a while) and waits for it.
    ~TokenProcess();

    TokenClient& token() { return *client_; }

  private:
    explicit TokenProcess(pid_t pid) : pid_(pid) {}
    pid_t pid_;
    std::unique_ptr<TokenClient> client_;
};

}  // namespace signet::ctl
