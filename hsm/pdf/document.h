// A PDF opened for reading, and where an incremental update must continue it.
#pragma once

#include <cstdint>
#include <memory>
#include <qpdf/QPDF.hh>

#include "base/bytes.h"
#include "base/error.h"

namespace signet::pdf {

struct Document {
    std::unique_ptr<QPDF> pdf;
    std::uint64_t last_xref = 0;  // of the newest cross-reference section (section 7.5.5)
    bool xref_stream = false;     // that section is a stream (section 7.5.8)
};

// `bytes` must outlive it. Broken documents are not mended: what is signed must be what was sent. Errors: as prepare
// (signature.h).
Result<Document> open_document(ByteView bytes);

// Runs what may throw qpdf's exceptions, and takes them for a broken document.
template <class F>
auto guarded(F&& work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::exception& error) {
        return fail(ErrorCode::invalid_argument, "the PDF is broken", error.what());
    }
}

}  // namespace signet::pdf
