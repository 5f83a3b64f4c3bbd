#include "hsm/pdf/update_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <qpdf/QUtil.hh>

#include "base/encoding.h"

namespace signet::pdf {
namespace {

void append_number(std::string& out, std::uint64_t value, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        out += static_cast<char>((value >> shift) & 0xFFU);
}

}  // namespace

std::string text_string(std::string_view utf8) {
    const bool ascii =
        std::ranges::all_of(utf8, [](char c) { return static_cast<unsigned char>(c) < 0x80 && c >= ' '; });
    const std::string bytes = ascii ? std::string(utf8) : QUtil::utf8_to_utf16(std::string(utf8));
    return "<" + to_hex(as_bytes(bytes)) + ">";
}

UpdateWriter::UpdateWriter(Document& document, std::uint64_t source_size)
    : document_(document), source_size_(source_size) {
    auto size = document.pdf->getTrailer().getKey("/Size");
    next_ = size.isInteger() ? size.getIntValueAsInt() : 0;
    // A /Size that is too small is a fault of many producers: take no number that is in use.
    next_ = std::max(next_, static_cast<int>(document.pdf->getObjectCount()) + 1);
}

std::string UpdateWriter::reference(int number, int generation) {
    return std::to_string(number) + " " + std::to_string(generation) + " R";
}

void UpdateWriter::add(int number, int generation, std::string_view body) {
    offsets_[{number, generation}] = source_size_ + out_.size();
    out_.append(std::to_string(number)).append(" ").append(std::to_string(generation)).append(" obj\n");
    out_.append(body).append("\nendobj\n");
}

void UpdateWriter::add_stream(int number, std::string_view dictionary, std::string_view data) {
    std::string body = "<< ";
    body.append(dictionary).append(" /Length ").append(std::to_string(data.size())).append(" >>\nstream\n");
    body.append(data).append("\nendstream");
    add(number, body);
}

std::string UpdateWriter::trailer_keys(int size, std::string_view id) const {
    auto trailer = document_.pdf->getTrailer();
    std::string out = "/Size " + std::to_string(size) + " /Root " + document_.pdf->getRoot().unparse() +
                      " /Prev " + std::to_string(document_.last_xref);
    if (auto info = trailer.getKey("/Info"); info.isIndirect()) out += " /Info " + info.unparse();
    std::string first(id);
    if (auto ids = trailer.getKey("/ID");
        ids.isArray() && ids.getArrayNItems() == 2 && ids.getArrayItem(0).isString())
        first = ids.getArrayItem(0).getStringValue();
    return out + " /ID [<" + to_hex(as_bytes(first)) + "> <" + to_hex(as_bytes(id)) + ">]";
}

void UpdateWriter::write_table(std::string_view id) {
    const auto start = source_size_ + out_.size();
    out_ += "xref\n";
    for (const auto& [object, offset] : offsets_) {
        std::array<char, 32> line{};
        std::snprintf(line.data(), line.size(), "%010llu %05d n \n", static_cast<unsigned long long>(offset),
                      object.second);
        out_.append(std::to_string(object.first)).append(" 1\n").append(line.data());
    }
    out_ +=
        "trailer\n<< " + trailer_keys(next_, id) + " >>\nstartxref\n" + std::to_string(start) + "\n%%EOF\n";
}

void UpdateWriter::write_stream(std::string_view id) {
    const int number = allocate();
    const auto start = source_size_ + out_.size();
    offsets_[{number, 0}] = start;
    std::string index;
    std::string entries;
    for (const auto& [object, offset] : offsets_) {
        index += (index.empty() ? "" : " ") + std::to_string(object.first) + " 1";
        append_number(entries, 1, 1);
        append_number(entries, offset, 5);
        append_number(entries, static_cast<std::uint64_t>(object.second), 2);
    }
    add_stream(number, "/Type /XRef /W [1 5 2] /Index [" + index + "] " + trailer_keys(next_, id), entries);
    out_ += "startxref\n" + std::to_string(start) + "\n%%EOF\n";
}

std::string UpdateWriter::finish(std::string_view id) && {
    if (document_.xref_stream)
        write_stream(id);
    else
        write_table(id);
    return std::move(out_);
}

}  // namespace signet::pdf
