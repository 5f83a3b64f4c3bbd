// A share as a custodian keeps it: 40 words of the PGP word list, five lines of eight (base/pgp_words.h).
//
//   set id (4 bytes) ‖ number (1) ‖ value (32) ‖ the first 3 bytes of SHA-256 over "signet-share-words-1" ‖ what stands before
//
// The word list notices a word that is missing, doubled or swapped; the last three words notice every other slip.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "hsm/custody/share_set.h"

namespace signet::custody {

inline constexpr std::size_t kShareWords = 40;

// Five lines; wipe the text after use.
std::string to_words(const Share& share);
// The bytes of the last three words.
Bytes share_checksum(const Share& share);
// Errors: invalid_argument, naming what is mistyped as far as it can be told.
Result<Share> share_from_words(std::string_view text);

}  // namespace signet::custody
