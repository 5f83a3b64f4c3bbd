// The people at the terminal: officers confirm, the operator goes on, custodians read and enter shares.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"
#include "daemon/ctl/output.h"

namespace signet::ctl {

class Terminal {
  public:
    // Standard input must be a terminal: a confirmation out of a pipe is nobody's. failed_precondition otherwise.
    static Result<Terminal> open(Output& out);
    // For tools that may also be fed from a pipe (shares from a scanner).
    explicit Terminal(Output& out) : out_(&out) {}

    // Shows `text` and reads a line, without its newline; 1,024 bytes at most. cancelled at the end of input.
    Result<std::string> ask(std::string_view text);
    // As `ask`, without echo on a terminal, into memory that is wiped.
    Result<Secret> ask_secret(std::string_view text, std::size_t max_size);
    // The person types their own name (case and blanks do not matter). Three tries, then cancelled. Nothing skips it.
    Status confirm(std::string_view name, std::string_view role, std::string_view what);
    // Enter goes on; anything else, or the end of input, is cancelled.
    Status pause(std::string_view what);
    // Shows what only one person may see, waits for Enter, and clears the screen and the scrollback.
    Status show_once(std::string_view text);

  private:
    Output* out_;
};

}  // namespace signet::ctl
