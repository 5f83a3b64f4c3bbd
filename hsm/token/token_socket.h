// The token socket: made safely, served by one supervisor at a time, closed to users who are not allowed.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace signet::token {

class TokenSocket {
  public:
    struct Accepted {
        UniqueFd fd;
        uid_t uid = 0;
        bool allowed = false;
    };

    // A lock beside the socket makes sure that no other supervisor serves it; a socket that a crash left behind is
    // removed, anything else at the path is refused. Modes: see TokenConfig::socket_group.
    // Errors: already_exists (served by another one), failed_precondition (the path cannot be used).
    static Result<TokenSocket> listen(const std::filesystem::path& path, std::vector<uid_t> allowed,
                                      std::optional<gid_t> group = std::nullopt);
    TokenSocket(TokenSocket&&) = default;
    TokenSocket& operator=(TokenSocket&&) = delete;
    ~TokenSocket();

    int fd() const { return listener_.get(); }
    // nullopt: nobody waits.
    std::optional<Accepted> accept() const;
    // Removes the socket; who is connected stays connected.
    void close();

  private:
    TokenSocket(std::filesystem::path path, std::vector<uid_t> allowed, UniqueFd lock, UniqueFd listener)
        : path_(std::move(path)),
          allowed_(std::move(allowed)),
          lock_(std::move(lock)),
          listener_(std::move(listener)) {}

    std::filesystem::path path_;
    std::vector<uid_t> allowed_;
    UniqueFd lock_;
    UniqueFd listener_;
};

}  // namespace signet::token
