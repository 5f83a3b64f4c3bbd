#include "hsm/pdf/font.h"

#include <hb-ot.h>
#include <hb-subset.h>

#include <array>
#include <cstdio>
#include <memory>

#include "base/bytes.h"
#include "base/file.h"

namespace signet::pdf {
namespace {

constexpr std::size_t kMaxFont = std::size_t{32} << 20;

template <auto Destroy>
struct Destroyer {
    template <class T>
    void operator()(T* object) const {
        Destroy(object);
    }
};
using Blob = std::unique_ptr<hb_blob_t, Destroyer<hb_blob_destroy>>;
using Face = std::unique_ptr<hb_face_t, Destroyer<hb_face_destroy>>;
using HbFont = std::unique_ptr<hb_font_t, Destroyer<hb_font_destroy>>;
using Input = std::unique_ptr<hb_subset_input_t, Destroyer<hb_subset_input_destroy>>;

Result<std::string> subset(hb_face_t* face, const std::map<char32_t, unsigned>& glyphs) {
    const Input input(hb_subset_input_create_or_fail());
    if (!input) return fail(ErrorCode::internal, "no memory for a font");
    hb_subset_input_set_flags(input.get(), HB_SUBSET_FLAGS_RETAIN_GIDS | HB_SUBSET_FLAGS_NO_HINTING |
                                               HB_SUBSET_FLAGS_NOTDEF_OUTLINE);
    for (const auto& [character, glyph] : glyphs)
        hb_set_add(hb_subset_input_glyph_set(input.get()), glyph);
    const Face smaller(hb_subset_or_fail(face, input.get()));
    if (!smaller) return fail(ErrorCode::failed_precondition, "the font cannot be made smaller");
    const Blob blob(hb_face_reference_blob(smaller.get()));
    unsigned size = 0;
    const char* data = hb_blob_get_data(blob.get(), &size);
    return std::string(data, size);
}

}  // namespace

std::string Font::encode(const std::u32string& text) const {
    std::string out = "<";
    for (const auto character : text) {
        std::array<char, 8> digits{};
        std::snprintf(digits.data(), digits.size(), "%04x", glyphs.at(character));
        out += digits.data();
    }
    return out + ">";
}

int Font::width(const std::u32string& text) const {
    int sum = 0;
    for (const auto character : text)
        sum += widths.at(glyphs.at(character));
    return sum;
}

Result<std::u32string> to_characters(std::string_view utf8) {
    std::u32string out;
    const auto refuse = [] { return fail(ErrorCode::invalid_argument, "a line of the stamp is not UTF-8"); };
    for (std::size_t i = 0; i < utf8.size();) {
        const auto first = static_cast<unsigned char>(utf8[i]);
        const std::size_t length = first < 0x80   ? 1
                                   : first < 0xC2 ? 0
                                   : first < 0xE0 ? 2
                                   : first < 0xF0 ? 3
                                   : first < 0xF5 ? 4
                                                  : 0;
        if (length == 0 || i + length > utf8.size()) return refuse();
        char32_t character = length == 1 ? first : first & (0x7FU >> length);
        for (std::size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(utf8[i + k]);
            if ((next & 0xC0U) != 0x80) return refuse();
            character = (character << 6) | (next & 0x3FU);
        }
        // Overlong forms of three and four bytes, surrogates, and what is beyond Unicode.
        if ((length == 3 && character < 0x800) || (length == 4 && character < 0x10000) ||
            (character >= 0xD800 && character <= 0xDFFF) || character > 0x10FFFF)
            return refuse();
        if (character < 0x20 || (character >= 0x7F && character < 0xA0))
            return fail(ErrorCode::invalid_argument, "a line of the stamp has a control character");
        out += character;
        i += length;
    }
    return out;
}

Result<Font> load_font(const std::filesystem::path& file, const std::vector<std::u32string>& lines) {
    SIGNET_ASSIGN(const auto bytes, read_file(file, kMaxFont));
    const Blob blob(hb_blob_create(bytes.data(), static_cast<unsigned>(bytes.size()), HB_MEMORY_MODE_READONLY,
                                   nullptr, nullptr));
    const Face face(hb_face_create(blob.get(), 0));
    const HbFont hb(hb_font_create(face.get()));
    const auto units = static_cast<double>(hb_face_get_upem(face.get()));
    if (hb_face_get_glyph_count(face.get()) == 0 || units <= 0)
        return fail(ErrorCode::failed_precondition, file.string() + " is no TrueType font");
    const auto thousandths = [&](double value) { return static_cast<int>(value * 1000 / units); };

    Font font;
    font.name = "SIGNET+" + file.stem().string();
    for (const auto& line : lines) {
        for (const auto character : line) {
            hb_codepoint_t glyph = 0;
            if (!hb_font_get_nominal_glyph(hb.get(), character, &glyph) || glyph == 0 || glyph > 0xFFFF)
                return fail(
                    ErrorCode::unprocessable, "the font " + file.string() + " has no glyph for U+" + [&] {
                        std::array<char, 12> digits{};
                        std::snprintf(digits.data(), digits.size(), "%04X", static_cast<unsigned>(character));
                        return std::string(digits.data());
                    }());
            font.glyphs[character] = glyph;
            font.widths[glyph] = thousandths(hb_font_get_glyph_h_advance(hb.get(), glyph));
        }
    }
    hb_font_extents_t extents{};
    hb_font_get_h_extents(hb.get(), &extents);
    font.ascent = thousandths(extents.ascender);
    font.descent = thousandths(extents.descender);
    for (const auto& [glyph, width] : font.widths) {
        hb_glyph_extents_t box{};
        if (!hb_font_get_glyph_extents(hb.get(), glyph, &box)) continue;
        font.box[0] = std::min(font.box[0], thousandths(box.x_bearing));
        font.box[1] = std::min(font.box[1], thousandths(box.y_bearing + box.height));
        font.box[2] = std::max(font.box[2], thousandths(box.x_bearing + box.width));
        font.box[3] = std::max(font.box[3], thousandths(box.y_bearing));
    }
    SIGNET_ASSIGN(font.program, subset(face.get(), font.glyphs));
    return font;
}

}  // namespace signet::pdf
