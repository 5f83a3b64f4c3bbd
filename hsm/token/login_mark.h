// What a process leaves on disk while it logs in: killed between the token's answer and the marker of a refused PIN
// (pin_marker.h), nobody would know that the PIN was refused, and the next start would try it again.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "base/unique_fd.h"

namespace signet::token {

// What the token said of its PIN before the login.
struct PinState {
    bool locks = true;  // quirks: wrong PINs lock this kind of token
    // CKF_USER_PIN_COUNT_LOW: a wrong PIN since the last good login. Clear, it may also mean that the token does not tell.
    bool wrong_since_last_login = false;
};

class LoginMark {
  public:
    LoginMark(std::filesystem::path state, std::filesystem::path config_file)
        : state_(std::move(state)), config_file_(std::move(config_file)) {}

    // Before C_Login: waits for another process that is just logging in, then writes the mark, durably. A mark that is there
    // already was left by a process that died in its login. Then, where wrong PINs lock the token:
    //   the token reports a wrong PIN, or this is the second such death in a row: the marker of a refused PIN is written,
    //   with a text of its own, and token_pin returned;
    //   otherwise the PIN is tried once more: a good PIN and an ordinary kill are the likely story, and two tries lock no
    //   token.
    Status begin(const PinState& pin);
    // The outcome is known and, where the PIN was refused, written down.
    void end();

  private:
    std::filesystem::path state_;
    std::filesystem::path config_file_;
    UniqueFd file_;  // locked from `begin` to `end`
};

std::filesystem::path login_mark_path(const std::filesystem::path& state);

}  // namespace signet::token
