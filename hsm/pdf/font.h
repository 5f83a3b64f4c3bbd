// The glyphs of a TrueType font that some lines of text need, ready to be embedded as a CIDFontType2 (ISO 32000-1 section
// 9.7.4). Glyph numbers are the font's own, so that a text is a row of two-byte glyph numbers (Identity-H).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace signet::pdf {

struct Font {
    std::string program;                  // the subset, TrueType
    std::string name;                     // "SIGNET+DejaVuSans"
    int ascent = 0, descent = 0;          // in thousandths of the size
    int box[4] = {0, 0, 0, 0};            // /FontBBox, in thousandths
    std::map<unsigned, int> widths;       // by glyph, in thousandths
    std::map<char32_t, unsigned> glyphs;  // by character

    // As a hexadecimal string for Tj.
    std::string encode(const std::u32string& text) const;
    // In thousandths of the size.
    int width(const std::u32string& text) const;
};

// Errors: not_found (no such file), failed_precondition (no usable font), unprocessable (a character it lacks).
Result<Font> load_font(const std::filesystem::path& file, const std::vector<std::u32string>& lines);

// Error: invalid_argument (no UTF-8, or a control character).
Result<std::u32string> to_characters(std::string_view utf8);

}  // namespace signet::pdf
