#include "hsm/pdf/stamp.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <qpdf/Pl_Buffer.hh>
#include <qpdf/Pl_Flate.hh>

#include "base/encoding.h"

namespace signet::pdf {
namespace {

// In points, 1/72 inch.
constexpr double kFontSize = 8;
constexpr double kLeading = 10.5;
constexpr double kPadding = 6;
constexpr double kMargin = 24;  // to the page's edges
constexpr double kGap = 8;      // between stamps

std::string number(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f", value);
    return text.data();
}

std::string deflated(const std::string& data) {
    Pl_Buffer buffer("deflated");
    Pl_Flate flate("deflate", &buffer, Pl_Flate::a_deflate);
    flate.write(reinterpret_cast<const unsigned char*>(data.data()), data.size());
    flate.finish();
    const auto bytes = buffer.getBufferSharedPointer();
    return {reinterpret_cast<const char*>(bytes->getBuffer()), bytes->getSize()};
}

void append_utf16(std::string& out, char32_t character) {
    std::array<char, 12> digits{};
    if (character < 0x10000) {
        std::snprintf(digits.data(), digits.size(), "%04x", static_cast<unsigned>(character));
    } else {
        const auto rest = character - 0x10000;
        std::snprintf(digits.data(), digits.size(), "%04x%04x", static_cast<unsigned>(0xD800 + (rest >> 10)),
                      static_cast<unsigned>(0xDC00 + (rest & 0x3FFU)));
    }
    out += digits.data();
}

// Glyphs to characters (section 9.10.3), so that the text of a stamp can be searched and copied.
std::string to_unicode(const Font& font) {
    std::string out =
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n";
    for (const auto& [character, glyph] : font.glyphs) {
        std::array<char, 32> code{};
        std::snprintf(code.data(), code.size(), "1 beginbfchar <%04x> <", glyph);
        out += code.data();
        append_utf16(out, character);
        out += "> endbfchar\n";
    }
    return out + "endcmap CMapName currentdict /CMap defineresource pop end end\n";
}

int write_font(UpdateWriter& writer, const Font& font) {
    const int program = writer.allocate();
    const int descriptor = writer.allocate();
    const int descendant = writer.allocate();
    const int unicode = writer.allocate();
    const int composite = writer.allocate();
    writer.add_stream(program, "/Filter /FlateDecode /Length1 " + std::to_string(font.program.size()),
                      deflated(font.program));
    std::string box;
    for (const int edge : font.box)
        box += std::to_string(edge) + " ";
    writer.add(descriptor, "<< /Type /FontDescriptor /FontName /" + font.name + " /Flags 4 /FontBBox [" +
                               box + "] /ItalicAngle 0 /Ascent " + std::to_string(font.ascent) +
                               " /Descent " + std::to_string(font.descent) + " /CapHeight " +
                               std::to_string(font.ascent) + " /StemV 80 /FontFile2 " +
                               UpdateWriter::reference(program) + " >>");
    std::string widths;
    for (const auto& [glyph, width] : font.widths)
        widths += std::to_string(glyph) + " [" + std::to_string(width) + "] ";
    writer.add(descendant, "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /" + font.name +
                               " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
                               " /FontDescriptor " +
                               UpdateWriter::reference(descriptor) + " /CIDToGIDMap /Identity /W [" + widths +
                               "] >>");
    writer.add_stream(unicode, "/Filter /FlateDecode", deflated(to_unicode(font)));
    writer.add(composite, "<< /Type /Font /Subtype /Type0 /BaseFont /" + font.name +
                              " /Encoding /Identity-H /DescendantFonts [" +
                              UpdateWriter::reference(descendant) + "] /ToUnicode " +
                              UpdateWriter::reference(unicode) + " >>");
    return composite;
}

// The matrix that turns the appearance against the page's rotation (section 12.5.5 moves and scales it into the rectangle).
std::string matrix(int rotate) {
    switch (rotate) {
        case 90:
            return "[0 1 -1 0 0 0]";
        case 180:
            return "[-1 0 0 -1 0 0]";
        case 270:
            return "[0 -1 1 0 0 0]";
        default:
            return "[1 0 0 1 0 0]";
    }
}

// From a place on the page as it is shown, counted from its lower left, to user space.
std::array<double, 4> to_user_space(const PageView& page, double x, double y, double width, double height) {
    switch (page.rotate) {
        case 90:
            return {page.right - y - height, page.bottom + x, page.right - y, page.bottom + x + width};
        case 180:
            return {page.right - x - width, page.top - y - height, page.right - x, page.top - y};
        case 270:
            return {page.left + y, page.top - x - width, page.left + y + height, page.top - x};
        default:
            return {page.left + x, page.bottom + y, page.left + x + width, page.bottom + y + height};
    }
}

std::array<double, 4> placed(const PageView& page, double width, double height, int place) {
    const bool turned = page.rotate == 90 || page.rotate == 270;
    const double shown_width = turned ? page.top - page.bottom : page.right - page.left;
    const double shown_height = turned ? page.right - page.left : page.top - page.bottom;
    const int columns = std::max(1, static_cast<int>((shown_width - 2 * kMargin + kGap) / (width + kGap)));
    const int rows = std::max(1, static_cast<int>((shown_height - 2 * kMargin + kGap) / (height + kGap)));
    const double x = kMargin + (place % columns) * (width + kGap);
    const double y = kMargin + (place / columns % rows) * (height + kGap);
    return to_user_space(page, x, y, width, height);
}

}  // namespace

Result<DrawnStamp> draw_stamp(UpdateWriter& writer, const Stamp& stamp, const PageView& page, int place) {
    if (stamp.lines.empty() || stamp.lines.size() > 8)
        return fail(ErrorCode::invalid_argument, "a stamp has one to eight lines");
    std::vector<std::u32string> lines;
    for (const auto& line : stamp.lines) {
        SIGNET_ASSIGN(auto characters, to_characters(line));
        if (characters.size() > 120)
            return fail(ErrorCode::invalid_argument, "a line of the stamp has over 120 characters");
        lines.push_back(std::move(characters));
    }
    SIGNET_ASSIGN(const auto font, load_font(stamp.font, lines));

    int widest = 0;
    for (const auto& line : lines)
        widest = std::max(widest, font.width(line));
    const bool turned = page.rotate == 90 || page.rotate == 270;
    const double room = (turned ? page.top - page.bottom : page.right - page.left) - 2 * kMargin;
    const double width = widest * kFontSize / 1000 + 2 * kPadding;
    const double height = static_cast<double>(lines.size()) * kLeading + 2 * kPadding;
    // A line that is wider than the page makes the whole stamp smaller: the viewer scales the box into the rectangle.
    const double scale = width > room && room > 0 ? room / width : 1;

    const int composite = write_font(writer, font);
    std::string content = "q 0.85 w 0.10 0.25 0.55 RG 0.5 0.5 " + number(width - 1) + " " +
                          number(height - 1) + " re S 0 0 0 rg BT /F1 " + number(kFontSize) + " Tf " +
                          number(kLeading) + " TL " + number(kPadding) + " " +
                          number(height - kPadding - kFontSize) + " Td\n";
    for (const auto& line : lines)
        content += font.encode(line) + " Tj T*\n";
    content += "ET Q\n";
    const int appearance = writer.allocate();
    writer.add_stream(appearance,
                      "/Type /XObject /Subtype /Form /BBox [0 0 " + number(width) + " " + number(height) +
                          "] /Matrix " + matrix(page.rotate) + " /Resources << /Font << /F1 " +
                          UpdateWriter::reference(composite) + " >> >> /Filter /FlateDecode",
                      deflated(content));
    return DrawnStamp{appearance, placed(page, width * scale, height * scale, place)};
}

}  // namespace signet::pdf
