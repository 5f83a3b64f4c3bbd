// Bytes as words that can be read aloud: the PGP word list (Patrick Juola and Philip Zimmermann, "Whole-word phonetic
// distances and the PGPfone alphabet", ICSLP 1996).
//
// A byte at an even place becomes a word of two syllables, one at an odd place a word of three: a word that was left out,
// said twice or swapped with its neighbour is noticed where it stands.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"

namespace signet {

// The word for `byte` at place `index`, counted from 0; in its published spelling.
std::string_view pgp_word(std::uint8_t byte, std::size_t index);
// All of them, `per_line` to a line (0: one line), separated by blanks; no blank or newline at the end.
std::string to_pgp_words(ByteView bytes, std::size_t per_line = 0);
// Words in any case, separated by white space or hyphens; 64 at most. invalid_argument names the first word that is none of
// its place's list, counted from 1, and says when it belongs to the other list.
Result<Secret> from_pgp_words(std::string_view text);

}  // namespace signet
