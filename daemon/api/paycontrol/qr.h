// QR codes as GIF images.
#pragma once

#include <string>
#include <string_view>

#include "daemon/api/paycontrol/answer.h"

namespace signet::api::paycontrol {

// Byte mode, error correction level L (M while the code does not grow by it), a quiet zone of four modules. Square, 300
// pixels or more, a whole number of pixels a module and two at least. Code 350 when the text is over 2,953 bytes or has a NUL.
Outcome<std::string> qr_gif(std::string_view text);

}  // namespace signet::api::paycontrol
