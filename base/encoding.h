// Strict text encodings of bytes: RFC 4648 base16, base64 and base64url.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace signet {

std::string to_hex(ByteView bytes);  // lower case
// Either case, an even number of digits, nothing else.
Result<Bytes> from_hex(std::string_view text);

std::string to_base64(ByteView bytes);     // RFC 4648 section 4, padded, no line breaks
std::string to_base64url(ByteView bytes);  // RFC 4648 section 5, unpadded
// Refuse white space, wrong padding, foreign characters and non-zero trailing bits (RFC 4648 section 3.5).
Result<Bytes> from_base64(std::string_view text);
Result<Bytes> from_base64url(std::string_view text);
// As from_base64, after removing CR, LF, space and tab: for bodies that tools wrap at 64 or 76 characters.
Result<Bytes> from_base64_wrapped(std::string_view text);

// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

}  // namespace signet
