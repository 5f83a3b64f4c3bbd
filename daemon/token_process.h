// signetd-token as a child, for `signetd --with-token`: started, started again when it dies, stopped at the end.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/error.h"

namespace signet::daemon {

class TokenProcess {
  public:
    // Error: not_found (the program).
    static Result<std::unique_ptr<TokenProcess>> start(std::filesystem::path token_config,
                                                       std::string log_level);
    // SIGTERM, then SIGKILL after 10 s.
    ~TokenProcess();
    TokenProcess(const TokenProcess&) = delete;
    TokenProcess& operator=(const TokenProcess&) = delete;

    // Not running and not to be started again: the token refused its PIN, or the configuration is wrong. Empty otherwise.
    std::string given_up() const;

  private:
    TokenProcess(std::filesystem::path program, std::filesystem::path config, std::string log_level);
    void supervise();
    pid_t spawn() const;

    const std::filesystem::path program_;
    const std::filesystem::path config_;
    const std::string log_level_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    pid_t pid_ = -1;
    bool stopping_ = false;
    std::string given_up_;
    std::thread thread_;
};

}  // namespace signet::daemon
