// Writes an incremental update (ISO 32000-1 section 7.5.6): objects, their cross-reference section, and the trailer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "hsm/pdf/document.h"

namespace signet::pdf {

class UpdateWriter {
  public:
    // Offsets count from the beginning of the document, whose update begins at `source_size`.
    UpdateWriter(Document& document, std::uint64_t source_size);

    // The next object number that is free; its generation is 0.
    int allocate() { return next_++; }
    // "12 0 R"
    static std::string reference(int number, int generation = 0);

    void add(int number, std::string_view body) { add(number, 0, body); }
    void add(int number, int generation, std::string_view body);
    // `dictionary` without << >> and without /Length.
    void add_stream(int number, std::string_view dictionary, std::string_view data);

    // Where the next byte goes, in the update.
    std::size_t size() const { return out_.size(); }
    // The cross-reference section of the kind the document has, trailer and all. `id` is the second part of the new /ID.
    std::string finish(std::string_view id) &&;

  private:
    std::string trailer_keys(int size, std::string_view id) const;
    void write_table(std::string_view id);
    void write_stream(std::string_view id);

    Document& document_;
    std::uint64_t source_size_;
    int next_;
    std::string out_ = "\n";                                // the source may end without a line's end
    std::map<std::pair<int, int>, std::uint64_t> offsets_;  // number and generation
};

// A text string (section 7.9.2.2): PDFDocEncoding where it is ASCII, else UTF-16BE, in hexadecimal.
std::string text_string(std::string_view utf8);

}  // namespace signet::pdf
