// What custodians do at a terminal: receive their share, give it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/ctl/ceremony/terminal.h"
#include "daemon/ctl/output.h"
#include "hsm/custody/client.h"

namespace signet::ctl {

using custody::custody_socket_of;
using custody::CustodyClient;

// Reads the 40 words of a share, over as many lines as it takes; nothing of it is shown.
Result<custody::Share> ask_share(Terminal& terminal, std::string_view what);

// Deals a new secret: shows each custodian their share, once, and has them prove by its last three words that they wrote it
// down. `qr`: as a QR code too. Nothing is in force before the last one. Returns the answer to `finish`.
Result<custody::Answer> deal_shares(Terminal& terminal, Output& out, const CustodyClient& client,
                                    custody::Purpose purpose, unsigned threshold,
                                    const std::vector<std::string>& custodians, bool qr);

// Takes shares until the desk has enough for `purpose`; wrong ones are named and asked for again. `header`: of a backup's set.
Status collect_shares(Terminal& terminal, Output& out, const CustodyClient& client, custody::Purpose purpose,
                      const std::string& header);

// For TokenProcess::start and Offline: takes shares for the PIN when the token waits for its custodians.
std::function<Result<bool>(const std::filesystem::path& token_config)> unlock_at_terminal(Output& out);

// Waits for a PIN change that `finish` or `change_pin` began. The error says how it failed.
Status await_pin_change(Output& out, const CustodyClient& client);

// "2 of 3 shares given (Alice, Bob); 1 is missing"
std::string describe(const custody::SetStatus& set);

}  // namespace signet::ctl
