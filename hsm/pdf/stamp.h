// The visible part of a signature: a frame with some lines of text, upright on the page as it is shown.
#pragma once

#include <array>

#include "hsm/pdf/font.h"
#include "hsm/pdf/signature.h"
#include "hsm/pdf/update_writer.h"

namespace signet::pdf {

// How a page is shown (ISO 32000-1 section 7.7.3.3): its crop box in user space, and its rotation clockwise.
struct PageView {
    double left = 0, bottom = 0, right = 612, top = 792;
    int rotate = 0;  // 0, 90, 180, 270
};

struct DrawnStamp {
    int appearance = 0;            // the number of the form XObject
    std::array<double, 4> rect{};  // of the annotation, in user space
};

// Writes the font and the appearance. `place` counts the stamps that are there already. Errors: those of load_font;
// invalid_argument (the lines).
Result<DrawnStamp> draw_stamp(UpdateWriter& writer, const Stamp& stamp, const PageView& page, int place);

}  // namespace signet::pdf
