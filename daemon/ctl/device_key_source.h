// Where a device gets what it reads: a file with JSON or a link, or an image of a QR code.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/ctl/command.h"

namespace signet::ctl {

// --from or --qr: the JSON in it. A link gives up the JSON of its query: the parameter whose value, decoded, is a JSON object,
// as it is or as base64. Errors: invalid_argument, not_found (zbarimg is not installed).
Result<std::string> read_key_source(const Arguments& arguments);
// The same for a text that is at hand.
Result<std::string> json_in(std::string_view text);

// The JSON of a transaction's QR code.
Result<boost::json::value> read_transaction_json(std::string_view text);

}  // namespace signet::ctl
