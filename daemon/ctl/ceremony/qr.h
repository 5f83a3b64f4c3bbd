// QR codes as SVG, to be put into a page (ISO/IEC 18004; libqrencode).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace signet::ctl {

// 1,000 bytes at most; error correction level M; four modules of quiet zone. `size` in millimetres.
Result<std::string> qr_svg(std::string_view text, unsigned size_mm);

// For a terminal with UTF-8: two modules to a character.
Result<std::string> qr_blocks(std::string_view text);

}  // namespace signet::ctl
